"""The poll thread: it alone owns the consumer, hands records to asyncio and commits what is finished.

kafka-python has no wakeup, so the thread polls every `_POLL_MS`, also while everything is paused, and
never waits for work. Inside a rebalance callback only `commit_async` may be used.
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

from oncofhir.consumers.kafka.client_patches.paused_partitions import release_drained_buffer
from oncofhir.consumers.kafka.client_patches.pending_rejoin import keep_pending
from oncofhir.consumers.kafka.connection import translate_error
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, Partition, SourceRecord
from oncofhir.consumers.source.assignment import Assignment, Rewind
from oncofhir.consumers.source.backfill import Backfill
from oncofhir.consumers.source.backpressure import InFlightBudget
from oncofhir.consumers.source.end_offsets import EndOffsets
from oncofhir.consumers.source.group_consumer import (
    create_group_consumer,
    is_group_member,
    warn_about_missing_topics,
)
from oncofhir.consumers.source.priority import Priority, partitions_to_pause
from oncofhir.consumers.source.rebalance_listener import RebalanceListener, offsets_to_commit
from oncofhir.consumers.source.retention_gaps import RetentionGapDetector
from oncofhir.schemas.errors import AccessDenied
from oncofhir.settings import KafkaSettings

_POLL_MS = 50
_LONGEST_BACKOFF = 15.0
_CLOSE_MS = 3_000
_FAILURES_OUT_OF_GROUP = 3  # polls in a row: nothing is read, whatever the group thinks

log = structlog.get_logger(__name__)


class PollThread:
    """Polls, tracks and commits. Its callbacks are called in the event loop, in order.

    Args:
        settings: the broker, the group and how much may be held.
        loop: where the callbacks run.
        received: records, in offset order within a partition.
        dropped: tenures that ended; their work is to be cancelled.
        removed: a topic, and how many of its records the broker removed before they were read.
        ended: the thread ended, with the error that ended it or None after `close`.
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
        self._retention_gaps = RetentionGapDetector(partial(self._notify_loop, on_records_missed))
        self._paused_partitions: frozenset[Partition] = frozenset()
        self._thread = threading.Thread(target=self._run, name="oncofhir-poll", daemon=True)
        self._next_commit = 0.0
        self._failures = 0
        self._commit_failing = False

    def start(self) -> None:
        """Begin to connect and poll."""
        self._thread.start()

    def finish(self, record: SourceRecord) -> None:
        """Count a record as finished; of an ended tenure it changes nothing."""
        self.assignment.finish(record.epoch, record.coordinates.offset)
        self._budget.release()

    def pause(self) -> None:
        """Pause all partitions, keep polling and committing."""
        self._pause_requested.set()

    def resume(self) -> None:
        """Undo `hold_back`."""
        self._pause_requested.clear()

    async def close(self) -> None:
        """Commit what is finished, leave the group and end the thread."""
        self._stopping.set()
        while self._thread.is_alive():  # noqa: ASYNC110 - a thread has no event of this loop
            await asyncio.sleep(0.01)

    @property
    def partitions_paused(self) -> int:
        """How many partitions are paused."""
        return len(self._paused_partitions)

    @property
    def paused_priorities(self) -> frozenset[Priority]:
        """Lanes of which nothing is read: both for back-pressure or an outage, history also for live."""
        if self._budget.is_exhausted or self._pause_requested.is_set():
            return frozenset(Priority)
        return frozenset({Priority.BACKFILL} if self._backfill.paused else ())

    def lag(self) -> dict[Partition, int]:
        """Records that a partition holds beyond what is committable, as far as it is known."""
        positions = self.assignment.positions()
        lags: dict[Partition, int] = {}
        for partition in self.assignment.partitions:
            end = self._end_offsets.end_of(partition)
            position = positions.get(partition, self._end_offsets.position_of(partition))
            if end is not None and position is not None:
                lags[partition] = max(0, end - position)
        return lags

    # The rest runs on the poll thread.

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
        except BaseException as error:  # noqa: BLE001 - told to the loop, which stops the worker
            cause = error
        self._notify_loop(self._on_stopped, cause)

    def _subscribe(self) -> KafkaConsumer | None:
        """A consumer that has subscribed; None when we are closed before."""
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
        """Wait, alive; True when we are closed."""
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
                self._stopping.wait(min(0.1 * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF))
            else:
                self._failures = 0
                self.last_poll_at = time.monotonic()

    def _poll_once(self, consumer: KafkaConsumer) -> None:
        most = self._max_poll_records(consumer)
        self._apply_pauses(consumer)
        if (
            self._budget.is_exhausted
        ):  # nothing can come, and the client cannot be woken: wait here instead
            self._budget.wait_for_capacity(_POLL_MS / 1000)
        self._poll_records(consumer, 0 if self._budget.is_exhausted else _POLL_MS, most)
        self.joined = is_group_member(consumer)
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + self._settings.commit_interval_seconds
            offsets = self.assignment.uncommitted()
            if offsets:
                consumer.commit_async(offsets_to_commit(offsets), callback=self._on_commit_response)

    def _max_poll_records(self, consumer: KafkaConsumer) -> int:
        """How many records, of both lanes together, once it is decided whether history rests."""
        most = self._budget.remaining()
        if not self._backfill.topics:
            return most
        if not self._backfill.paused:
            # What was fetched of history lies before live records in the client: take those first.
            self._apply_pauses(consumer, history_rests=True)
            self._poll_records(consumer, 0, most)
            most = self._budget.remaining()
        self._backfill.update(consumer)
        of_history = self._budget.remaining_for(self._backfill.topics)
        return most if self._backfill.paused or not of_history else min(most, of_history)

    def _poll_records(self, consumer: KafkaConsumer, timeout_ms: int, most: int) -> None:
        release_drained_buffer(consumer)
        keep_pending(consumer)
        batches = consumer.poll(timeout_ms=timeout_ms, max_records=most)
        if batches:
            self._dispatch(consumer, batches)
        self._end_offsets.refresh(consumer)

    def _apply_pauses(self, consumer: KafkaConsumer, *, history_rests: bool | None = None) -> None:
        assigned = {(at.topic, at.partition) for at in consumer.assignment()}
        paused = {(at.topic, at.partition) for at in consumer.paused()}
        wanted = partitions_to_pause(
            assigned,
            self._backfill.topics,
            everything=self._budget.is_exhausted or self._pause_requested.is_set(),
            over_replay_limit=self.assignment.over_replay_limit(
                self._settings.max_uncommitted_records
            ),
            backfill_paused=self._backfill.paused if history_rests is None else history_rests,
            backfill_exhausted=not self._budget.remaining_for(self._backfill.topics),
        )
        for partitions, change in (
            (wanted - paused, consumer.pause),
            (paused - wanted, consumer.resume),
        ):
            for partition in partitions:
                with suppress(KeyError, IllegalStateError):  # revoked since, on the IO thread
                    change(TopicPartition(*partition))
        self._paused_partitions = wanted

    def _dispatch(
        self, consumer: KafkaConsumer, batches: Mapping[TopicPartition, Sequence[Any]]
    ) -> None:
        now = time.monotonic()
        records = []
        for partition, batch in batches.items():
            for polled in batch:
                at = Coordinates(polled.topic, polled.partition, polled.offset)
                started = self.assignment.track(
                    at, len(polled.key or b"") + len(polled.value or b"")
                )
                if isinstance(started, Rewind):
                    self._rewind(consumer, partition, started)
                if not isinstance(started, AssignmentEpoch):
                    break  # the rest comes again, to us or to another
                self._retention_gaps.check(consumer, partition, started, polled.offset)
                headers = tuple(polled.headers)
                records.append(
                    SourceRecord(
                        at, started, polled.timestamp, now, polled.key, polled.value, headers
                    )
                )
        if records:
            self._notify_loop(self._on_records, records)

    def _rewind(self, consumer: KafkaConsumer, partition: TopicPartition, rewind: Rewind) -> None:
        log.warning(
            "position went back; reading again",
            topic=partition.topic,
            partition=partition.partition,
            offset=rewind.to,
        )
        self._notify_loop(self._on_partitions_dropped, frozenset({rewind.ended}))
        with suppress(IllegalStateError):  # revoked since, on the IO thread
            consumer.seek(partition, rewind.to)

    def _on_commit_response(self, offsets: Mapping[TopicPartition, Any], answer: Any) -> None:
        if isinstance(answer, Exception):
            if not self._commit_failing:
                log.warning("commits fail, a later one covers them", error=type(answer).__name__)
            self._commit_failing = True
        else:
            self._commit_failing = False
            self.assignment.mark_committed(
                {(at.topic, at.partition): o.offset for at, o in offsets.items()}
            )

    def _close_consumer(self, consumer: KafkaConsumer) -> None:
        try:
            offsets = self.assignment.uncommitted() if is_group_member(consumer) else {}
            if offsets:
                consumer.commit(offsets_to_commit(offsets), timeout_ms=_CLOSE_MS)
                self.assignment.mark_committed(offsets)
            log.info("leaving", partitions_committed=len(offsets))
        except KafkaError as error:
            log.warning(
                "last commit failed; its records are read again", error=type(error).__name__
            )
        finally:
            try:
                consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
            except KafkaError as error:
                log.warning("leaving the group failed", error=type(error).__name__)
            self.joined = False

    def _notify_loop(self, callback: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _drop_partitions(self, partitions: Sequence[Partition]) -> None:
        tenures = self.assignment.drop(partitions)
        if tenures:
            self._notify_loop(self._on_partitions_dropped, tenures)
