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

from oncofhir.consumers.kafka.client_patches.paused_partitions import free_the_slot
from oncofhir.consumers.kafka.client_patches.pending_rejoin import keep_rejoining
from oncofhir.consumers.kafka.connection import translated
from oncofhir.consumers.kafka.records import Coordinates, Partition, SourceRecord, Tenure
from oncofhir.consumers.source.assignment import Assignment, Rewind
from oncofhir.consumers.source.backfill import History
from oncofhir.consumers.source.backpressure import Room
from oncofhir.consumers.source.end_offsets import Ends
from oncofhir.consumers.source.group_consumer import is_member, new_consumer, warn_of_missing_topics
from oncofhir.consumers.source.priority import Lane, to_pause
from oncofhir.consumers.source.rebalance_listener import Rebalance, to_commit
from oncofhir.consumers.source.retention_gaps import Removed
from oncofhir.schemas.errors import AccessDenied
from oncofhir.settings import KafkaSettings

_POLL_MS = 50
_LONGEST_BACKOFF = 15.0
_CLOSE_MS = 3_000
_FAILURES_OUT_OF_GROUP = 3  # polls in a row: nothing is read, whatever the group thinks

log = structlog.get_logger(__name__)


class Source:
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
        received: Callable[[Sequence[SourceRecord]], None],
        dropped: Callable[[frozenset[Tenure]], None],
        removed: Callable[[str, int], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self.assignment = Assignment()
        self.last_turn = time.monotonic()
        self.joined = False
        self._settings = settings
        self._loop = loop
        self._received = received
        self._dropped = dropped
        self._ended = ended
        self._stopping = threading.Event()
        self._held_back = threading.Event()
        self._room = Room(settings, self.assignment)
        self._ends = Ends()
        self._history = History(settings, self.assignment, self._ends)
        self._removed = Removed(partial(self._call, removed))
        self._paused: frozenset[Partition] = frozenset()
        self._thread = threading.Thread(target=self._run, name="oncofhir-poll", daemon=True)
        self._next_commit = 0.0
        self._failures = 0
        self._commit_failing = False

    def start(self) -> None:
        """Begin to connect and poll."""
        self._thread.start()

    def finish(self, record: SourceRecord) -> None:
        """Count a record as finished; of an ended tenure it changes nothing."""
        self.assignment.finish(record.tenure, record.coordinates.offset)
        self._room.finished()

    def hold_back(self) -> None:
        """Pause all partitions, keep polling and committing."""
        self._held_back.set()

    def go_on(self) -> None:
        """Undo `hold_back`."""
        self._held_back.clear()

    async def close(self) -> None:
        """Commit what is finished, leave the group and end the thread."""
        self._stopping.set()
        while self._thread.is_alive():  # noqa: ASYNC110 - a thread has no event of this loop
            await asyncio.sleep(0.01)

    @property
    def paused(self) -> int:
        """How many partitions are paused."""
        return len(self._paused)

    @property
    def paused_lanes(self) -> frozenset[Lane]:
        """Lanes of which nothing is read: both for back-pressure or an outage, history also for live."""
        if self._room.is_full or self._held_back.is_set():
            return frozenset(Lane)
        return frozenset({Lane.HISTORY} if self._history.rests else ())

    def lag(self) -> dict[Partition, int]:
        """Records that a partition holds beyond what is committable, as far as it is known."""
        positions = self.assignment.positions()
        lags: dict[Partition, int] = {}
        for partition in self.assignment.partitions:
            end = self._ends.of(partition)
            position = positions.get(partition, self._ends.start_of(partition))
            if end is not None and position is not None:
                lags[partition] = max(0, end - position)
        return lags

    # The rest runs on the poll thread.

    def _run(self) -> None:
        cause: BaseException | None = None
        try:
            consumer = self._joined()
            if consumer is not None:
                try:
                    warn_of_missing_topics(consumer, self._settings)
                    self._poll(consumer)
                finally:
                    self._leave(consumer)
        except BaseException as error:  # noqa: BLE001 - told to the loop, which stops the worker
            cause = error
        self._call(self._ended, cause)

    def _joined(self) -> KafkaConsumer | None:
        """A consumer that has subscribed; None when we are closed before."""
        consumer = new_consumer(self._settings, self._wait)
        if consumer is not None:
            consumer.subscribe(
                list(self._settings.input_topics),
                listener=Rebalance(consumer, self.assignment, self._drop, self._history.topics),
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
        self.last_turn = time.monotonic()
        return self._stopping.wait(seconds)

    def _poll(self, consumer: KafkaConsumer) -> None:
        while not self._stopping.is_set():
            try:
                self._turn(consumer)
            except KafkaError as error:
                cause = translated(error, self._settings)
                if isinstance(cause, AccessDenied):
                    raise cause from error
                self._failures += 1
                if self._failures >= _FAILURES_OUT_OF_GROUP:
                    self.joined = False
                if isinstance(error, RetriableError):
                    self.last_turn = time.monotonic()
                log.warning("poll failed", error=type(error).__name__, failures=self._failures)
                self._stopping.wait(min(0.1 * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF))
            else:
                self._failures = 0
                self.last_turn = time.monotonic()

    def _turn(self, consumer: KafkaConsumer) -> None:
        most = self._most_to_poll(consumer)
        self._pause(consumer)
        if (
            self._room.is_full
        ):  # nothing can come, and the client cannot be woken: wait here instead
            self._room.wait(_POLL_MS / 1000)
        self._take(consumer, 0 if self._room.is_full else _POLL_MS, most)
        self.joined = is_member(consumer)
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + self._settings.commit_interval_seconds
            offsets = self.assignment.uncommitted()
            if offsets:
                consumer.commit_async(to_commit(offsets), callback=self._commit_answered)

    def _most_to_poll(self, consumer: KafkaConsumer) -> int:
        """How many records, of both lanes together, once it is decided whether history rests."""
        most = self._room.left()
        if not self._history.topics:
            return most
        if not self._history.rests:
            # What was fetched of history lies before live records in the client: take those first.
            self._pause(consumer, history_rests=True)
            self._take(consumer, 0, most)
            most = self._room.left()
        self._history.look(consumer)
        of_history = self._room.left_for(self._history.topics)
        return most if self._history.rests or not of_history else min(most, of_history)

    def _take(self, consumer: KafkaConsumer, timeout_ms: int, most: int) -> None:
        free_the_slot(consumer)
        keep_rejoining(consumer)
        batches = consumer.poll(timeout_ms=timeout_ms, max_records=most)
        if batches:
            self._hand_over(consumer, batches)
        self._ends.look(consumer)

    def _pause(self, consumer: KafkaConsumer, *, history_rests: bool | None = None) -> None:
        assigned = {(at.topic, at.partition) for at in consumer.assignment()}
        paused = {(at.topic, at.partition) for at in consumer.paused()}
        wanted = to_pause(
            assigned,
            self._history.topics,
            everything=self._room.is_full or self._held_back.is_set(),
            ahead=self.assignment.ahead(self._settings.max_uncommitted_records),
            history_rests=self._history.rests if history_rests is None else history_rests,
            history_is_full=not self._room.left_for(self._history.topics),
        )
        for partitions, change in (
            (wanted - paused, consumer.pause),
            (paused - wanted, consumer.resume),
        ):
            for partition in partitions:
                with suppress(KeyError, IllegalStateError):  # revoked since, on the IO thread
                    change(TopicPartition(*partition))
        self._paused = wanted

    def _hand_over(
        self, consumer: KafkaConsumer, batches: Mapping[TopicPartition, Sequence[Any]]
    ) -> None:
        now = time.monotonic()
        records = []
        for partition, batch in batches.items():
            for polled in batch:
                at = Coordinates(polled.topic, polled.partition, polled.offset)
                started = self.assignment.start(
                    at, len(polled.key or b"") + len(polled.value or b"")
                )
                if isinstance(started, Rewind):
                    self._rewind(consumer, partition, started)
                if not isinstance(started, Tenure):
                    break  # the rest comes again, to us or to another
                self._removed.look(consumer, partition, started, polled.offset)
                headers = tuple(polled.headers)
                records.append(
                    SourceRecord(
                        at, started, polled.timestamp, now, polled.key, polled.value, headers
                    )
                )
        if records:
            self._call(self._received, records)

    def _rewind(self, consumer: KafkaConsumer, partition: TopicPartition, rewind: Rewind) -> None:
        log.warning(
            "position went back; reading again",
            topic=partition.topic,
            partition=partition.partition,
            offset=rewind.to,
        )
        self._call(self._dropped, frozenset({rewind.ended}))
        with suppress(IllegalStateError):  # revoked since, on the IO thread
            consumer.seek(partition, rewind.to)

    def _commit_answered(self, offsets: Mapping[TopicPartition, Any], answer: Any) -> None:
        if isinstance(answer, Exception):
            if not self._commit_failing:
                log.warning("commits fail, a later one covers them", error=type(answer).__name__)
            self._commit_failing = True
        else:
            self._commit_failing = False
            self.assignment.committed(
                {(at.topic, at.partition): o.offset for at, o in offsets.items()}
            )

    def _leave(self, consumer: KafkaConsumer) -> None:
        try:
            offsets = self.assignment.uncommitted() if is_member(consumer) else {}
            if offsets:
                consumer.commit(to_commit(offsets), timeout_ms=_CLOSE_MS)
                self.assignment.committed(offsets)
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

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _drop(self, partitions: Sequence[Partition]) -> None:
        tenures = self.assignment.drop(partitions)
        if tenures:
            self._call(self._dropped, tenures)
