"""Commits the offsets of finished records: now and then while polling, and once more at the end."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from oncofhir.consumers.source.assignment import Assignment
from oncofhir.consumers.source.rebalance_listener import offsets_to_commit

_FINAL_COMMIT_MS = 3_000

log = structlog.get_logger(__name__)


class OffsetCommits:
    """Belongs to the poll thread. A commit that fails is covered by a later one."""

    def __init__(self, assignment: Assignment, interval_seconds: float) -> None:
        self._assignment = assignment
        self._interval = interval_seconds
        self._next_at = 0.0
        self._failing = False

    def commit_if_due(self, consumer: KafkaConsumer) -> None:
        """Start a commit when the interval is over. Not blocking."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + self._interval
        offsets = self._assignment.uncommitted()
        if offsets:
            consumer.commit_async(offsets_to_commit(offsets), callback=self._on_response)

    def commit_finally(self, consumer: KafkaConsumer) -> None:
        """Commit what is finished before the consumer leaves its group. Blocking, a few seconds at most."""
        offsets = self._assignment.uncommitted()
        if not offsets:
            return
        try:
            consumer.commit(offsets_to_commit(offsets), timeout_ms=_FINAL_COMMIT_MS)
            self._assignment.mark_committed(offsets)
        except KafkaError as error:
            log.warning(
                "final commit failed; its records will be redelivered", error=type(error).__name__
            )

    def _on_response(self, offsets: Mapping[TopicPartition, Any], answer: Any) -> None:
        if isinstance(answer, Exception):
            if not self._failing:
                log.warning("commit failed; a later commit covers it", error=type(answer).__name__)
            self._failing = True
        else:
            self._failing = False
            self._assignment.mark_committed(
                {(at.topic, at.partition): o.offset for at, o in offsets.items()}
            )
