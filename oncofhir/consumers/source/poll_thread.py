"""The poll thread: the only owner of the Kafka consumer. It polls, tracks and commits records.

kafka-python has no `wakeup()`. The thread therefore polls every `_POLL_MS`, also while all partitions are
paused, and never blocks on work. Inside a rebalance callback only `commit_async` may be called.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, RetriableError

from oncofhir.consumers.kafka.client_patches import paused_partitions, pending_rejoin
from oncofhir.consumers.kafka.connection import translate_error
from oncofhir.consumers.kafka.records import (
    AssignmentEpoch,
    Coordinates,
    Partition,
    SourceRecord,
)
from oncofhir.consumers.source.assignment import Assignment, Rewind
from oncofhir.consumers.source.backfill import Backfill
from oncofhir.consumers.source.backpressure import InFlightBudget
from oncofhir.consumers.source.end_offsets import EndOffsets
from oncofhir.consumers.source.group_consumer import (
    create_group_consumer,
    is_group_member,
    warn_about_missing_topics,
)
from oncofhir.consumers.source.offset_commits import OffsetCommits
from oncofhir.consumers.source.partition_pauses import PartitionPauses
from oncofhir.consumers.source.priority import Priority
from oncofhir.consumers.source.rebalance_listener import RebalanceListener
from oncofhir.consumers.source.retention_gaps import RetentionGapDetector
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import AccessDenied
from oncofhir.settings import KafkaSettings

_POLL_MS = 200
_CLOSE_MS = 3_000
_FAILURES_OUT_OF_GROUP = 3  # consecutive failed polls: nothing is read, whatever the group reports
_BACKOFF = Backoff(first=0.2, longest=15.0)

log = structlog.get_logger(__name__)


class PollThread:
    """Polls records, tracks them and commits the finished ones. Callbacks run in the event loop, in order.

    Args:
        settings: the broker, the consumer group and the in-flight limits.
        loop: the event loop in which the callbacks run.
        on_records: receives polled records, in offset order within a partition.
        on_partitions_dropped: receives the epochs that ended; their work must be cancelled.
        on_records_missed: receives a topic and how many of its records the broker deleted before they were
            read.
        on_stopped: called when the thread ends, with the error that ended it, or None after `close`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        loop: asyncio.AbstractEventLoop,
        *,
        on_records: Callable[[Sequence[SourceRecord]], None],
        on_partitions_dropped: Callable[[frozenset[AssignmentEpoch]], None],
        on_records_missed: Callable[[str, int], None],
        on_stopped: Callable[[BaseException | None], None],
    ) -> None:
        self.assignment = Assignment()
        self.last_poll_at = time.monotonic()
        self.joined = False
        self._settings = settings
        self._loop = loop
        self._on_records = on_records
        self._on_partitions_dropped = on_partitions_dropped
        self._on_stopped = on_stopped
        self._stopping = threading.Event()
        self._pause_requested = threading.Event()
        self._budget = InFlightBudget(settings, self.assignment)
        self._end_offsets = EndOffsets()
        self._backfill = Backfill(settings, self.assignment, self._end_offsets)
        self._pauses = PartitionPauses(settings, self.assignment, self._budget, self._backfill)
        self._retention_gaps = RetentionGapDetector(partial(self._notify_loop, on_records_missed))
        self._thread = threading.Thread(target=self._run, name="oncofhir-poll", daemon=True)
        self._commits = OffsetCommits(self.assignment, settings.commit_interval_seconds)
        self._failures = 0
        self._records_finished = 0

    def start(self) -> None:
        """Start the thread, which connects and polls."""
        self._thread.start()

    def finish(self, record: SourceRecord) -> None:
        """Mark a record as finished. A record of an ended epoch changes nothing. Thread-safe."""
        if self.assignment.finish(record.epoch, record.coordinates.offset):
            self._records_finished += 1
        self._budget.release()

    def pause(self) -> None:
        """Pause all partitions. Polling and committing continue."""
        self._pause_requested.set()

    def resume(self) -> None:
        """Undo `pause`."""
        self._pause_requested.clear()

    async def close(self) -> None:
        """Commit the finished records, leave the consumer group and end the thread."""
        self._stopping.set()
        while self._thread.is_alive():  # noqa: ASYNC110 - a thread has no event of this loop
            await asyncio.sleep(0.01)

    @property
    def partitions_paused(self) -> int:
        """Number of paused partitions."""
        return self._pauses.count

    @property
    def paused_priorities(self) -> frozenset[Priority]:
        """Priorities of which nothing is read.

        Both during backpressure or an outage; backfill also while live records wait.
        """
        if self._budget.is_exhausted or self._pause_requested.is_set():
            return frozenset(Priority)
        return frozenset({Priority.BACKFILL} if self._backfill.paused else ())

    def lag(self) -> dict[Partition, int]:
        """Return per partition the records beyond the committable offset, as far as it is known."""
        positions = self.assignment.positions()
        lags: dict[Partition, int] = {}
        for partition in self.assignment.partitions:
            end = self._end_offsets.end_of(partition)
            position = positions.get(partition, self._end_offsets.position_of(partition))
            if end is not None and position is not None:
                lags[partition] = max(0, end - position)
        return lags

    # Everything below runs on the poll thread.

    def _run(self) -> None:
        cause: BaseException | None = None
        try:
            consumer = self._subscribe()
            if consumer is not None:
                try:
                    warn_about_missing_topics(consumer, self._settings)
                    self._poll_until_stopped(consumer)
                finally:
                    self._close_consumer(consumer)
        except BaseException as error:  # noqa: BLE001 - reported to the loop, which stops the worker
            cause = error
        self._notify_loop(self._on_stopped, cause)

    def _subscribe(self) -> KafkaConsumer | None:
        """Return a consumer that has subscribed, or None when the thread is closed before."""
        consumer = create_group_consumer(self._settings, self._wait)
        if consumer is not None:
            consumer.subscribe(
                list(self._settings.input_topics),
                listener=RebalanceListener(
                    consumer, self.assignment, self._drop_partitions, self._backfill.topics
                ),
            )
            log.info(
                "subscribed",
                topics=list(self._settings.input_topics),
                group=self._settings.group_id,
                address=self._settings.bootstrap_servers,
            )
        return consumer

    def _wait(self, seconds: float) -> bool:
        """Wait, and keep the liveness probe satisfied. Return True when the thread is closed."""
        self.last_poll_at = time.monotonic()
        return self._stopping.wait(seconds)

    def _poll_until_stopped(self, consumer: KafkaConsumer) -> None:
        while not self._stopping.is_set():
            try:
                self._poll_once(consumer)
            except KafkaError as error:
                cause = translate_error(error, self._settings)
                if isinstance(cause, AccessDenied):
                    raise cause from error
                self._failures += 1
                if self._failures >= _FAILURES_OUT_OF_GROUP:
                    self.joined = False
                if isinstance(error, RetriableError):
                    self.last_poll_at = time.monotonic()
                log.warning("poll failed", error=type(error).__name__, failures=self._failures)
                self._stopping.wait(_BACKOFF.delay(self._failures))
            else:
                self._failures = 0
                self.last_poll_at = time.monotonic()

    def _poll_once(self, consumer: KafkaConsumer) -> None:
        # 1. Decide how much may be polled, and from which partitions.
        limit = self._max_poll_records(consumer)
        self._pauses.apply(consumer, pause_all=self._pause_requested.is_set())
        # 2. Poll. With an exhausted budget nothing can arrive and the client cannot be woken: wait here
        # instead.
        if self._budget.is_exhausted:
            self._budget.wait_for_capacity(_POLL_MS / 1000)
        self._poll_records(consumer, 0 if self._budget.is_exhausted else _POLL_MS, limit)
        # 3. Commit what was finished since the last commit.
        self.joined = is_group_member(consumer)
        self._commits.commit_if_due(consumer)

    def _max_poll_records(self, consumer: KafkaConsumer) -> int:
        """Return how many records may be polled; decides on the way whether backfill is paused."""
        limit = self._budget.update()
        if not self._backfill.topics:
            return limit
        if not self._backfill.paused:
            # The client returns fetched backfill records before live ones: poll the live partitions alone
            # first.
            self._pauses.apply(
                consumer, pause_all=self._pause_requested.is_set(), pause_backfill=True
            )
            self._poll_records(consumer, 0, limit)
            limit = self._budget.update()
        self._backfill.update(consumer)
        remaining = self._budget.remaining_for(self._backfill.topics)
        return limit if self._backfill.paused or not remaining else min(limit, remaining)

    def _poll_records(self, consumer: KafkaConsumer, timeout_ms: int, limit: int) -> None:
        paused_partitions.release_drained_buffer(consumer)
        pending_rejoin.keep_pending(consumer)
        batches = consumer.poll(timeout_ms=timeout_ms, max_records=limit)
        if batches:
            self._dispatch(consumer, batches)
        self._end_offsets.refresh(consumer)

    def _dispatch(
        self, consumer: KafkaConsumer, batches: Mapping[TopicPartition, Sequence[Any]]
    ) -> None:
        """Track polled records and hand them to the event loop."""
        now = time.monotonic()
        records = []
        for partition, batch in batches.items():
            for polled in batch:
                at = Coordinates(polled.topic, polled.partition, polled.offset)
                size = len(polled.key or b"") + len(polled.value or b"")
                tracked = self.assignment.track(at, size)
                if isinstance(tracked, Rewind):
                    self._rewind(consumer, partition, tracked)
                if not isinstance(tracked, AssignmentEpoch):
                    break  # the rest of the batch is delivered again, here or to another worker
                self._retention_gaps.check(consumer, partition, tracked, polled.offset)
                headers = tuple(polled.headers)
                records.append(
                    SourceRecord(
                        at, tracked, polled.timestamp, now, polled.key, polled.value, headers
                    )
                )
        if records:
            self._notify_loop(self._on_records, records)

    def _rewind(self, consumer: KafkaConsumer, partition: TopicPartition, rewind: Rewind) -> None:
        log.warning(
            "position moved backwards; re-reading",
            topic=partition.topic,
            partition=partition.partition,
            offset=rewind.to,
        )
        self._notify_loop(self._on_partitions_dropped, frozenset({rewind.ended}))
        with suppress(IllegalStateError):  # revoked since, on the IO thread
            consumer.seek(partition, rewind.to)

    def _close_consumer(self, consumer: KafkaConsumer) -> None:
        if is_group_member(consumer):
            self._commits.commit_finally(consumer)
        log.info(
            "leaving consumer group",
            records_finished=self._records_finished,
            records_to_redeliver=self.assignment.to_redeliver,
        )
        try:
            consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
        except KafkaError as error:
            log.warning("leaving the consumer group failed", error=type(error).__name__)
        self.joined = False

    def _notify_loop(self, callback: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _drop_partitions(self, partitions: Sequence[Partition]) -> None:
        epochs = self.assignment.drop(partitions)
        if epochs:
            self._notify_loop(self._on_partitions_dropped, epochs)
