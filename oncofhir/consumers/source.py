"""The poll thread: it alone owns the consumer, hands records to asyncio and commits what is finished.

kafka-python has no wakeup, so the thread polls every `_POLL_MS`, also while everything is paused, and
never waits for work. Its eager assignors do not rewind a partition that is revoked and handed back, which
would lose work dropped on revoke; hence the cooperative one. Inside a rebalance callback only
`commit_async` may be used.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import IllegalStateError, KafkaError, RetriableError
from kafka.structs import MemberState

from oncofhir.consumers.assignment import Assignment, Rewind
from oncofhir.consumers.connection import client_options, connect, translated
from oncofhir.consumers.lanes import HistoryState, Lane, LaneRule, live_behind, next_state, to_pause
from oncofhir.consumers.parking import free_the_slot
from oncofhir.consumers.rebalance import Rebalance, to_commit
from oncofhir.consumers.records import Coordinates, Partition, SourceRecord, Tenure
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.settings import KafkaSettings

_POLL_MS = 50
_MOST_AT_A_POLL = 500
_HELD_PER_PLACE = 16  # records held for each that is worked on: the poll thread sleeps meanwhile
_FETCH_BYTES = 8 * 2**20
# A broker is asked one thing at a time. While records of the other partitions lie in the client it is asked
# for the empty ones alone, and holds that question this long: nothing else can be fetched meanwhile.
_FETCH_WAIT_MS = 50
_LONGEST_BACKOFF = 15.0
_CLOSE_MS = 3_000
_METADATA_MS = 30_000  # how soon a topic or partition that was added is seen
_ASK_SECONDS = 5.0  # between questions for the end of live partitions of which no fetch tells it
_ASK_MS = 1_000

log = structlog.get_logger(__name__)


class Source:
    """Polls, tracks and commits. Its callbacks are called in the event loop, in order.

    Args:
        settings: the broker, the group and how much may be held.
        loop: where the callbacks run.
        received: records, in offset order within a partition.
        dropped: tenures that ended; their work is to be cancelled.
        ended: the thread ended, with the error that ended it or None after `close`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        loop: asyncio.AbstractEventLoop,
        *,
        received: Callable[[Sequence[SourceRecord]], None],
        dropped: Callable[[frozenset[Tenure]], None],
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
        self._full = False
        self._room_again = threading.Event()
        self._paused: frozenset[Partition] = frozenset()
        self._live, self._history_topics = settings.live_topics, settings.history_topics
        self._history = HistoryState()
        self._rule = LaneRule(settings.history_rests_above)
        self._next_question = 0.0
        self._asked: dict[TopicPartition, int] = {}
        self._highwater: dict[Partition, int] = {}
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
        if self._full and not self._is_over_half():
            self._room_again.set()

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
        if self._full or self._held_back.is_set():
            return frozenset(Lane)
        return frozenset({Lane.HISTORY} if self._history.rests else ())

    def lag(self) -> dict[Partition, int]:
        """Records that a partition holds beyond what is committable, as far as it is known."""
        return {
            partition: max(0, self._highwater.get(partition, position) - position)
            for partition, position in self.assignment.positions().items()
        }

    # The rest runs on the poll thread.

    def _run(self) -> None:
        cause: BaseException | None = None
        try:
            consumer = self._connect()
            if consumer is not None:
                try:
                    self._warn_of_missing_topics(consumer)
                    self._poll(consumer)
                finally:
                    self._leave(consumer)
        except BaseException as error:  # noqa: BLE001 - told to the loop, which stops the worker
            cause = error
        self._call(self._ended, cause)

    def _connect(self) -> KafkaConsumer | None:
        options = client_options(self._settings, "worker") | {
            "group_id": self._settings.group_id,
            "session_timeout_ms": self._settings.session_timeout_ms,
            "heartbeat_interval_ms": min(3_000, self._settings.session_timeout_ms // 3),
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "allow_auto_create_topics": False,
            "fetch_max_bytes": _FETCH_BYTES,
            "fetch_max_wait_ms": _FETCH_WAIT_MS,
            "metadata_max_age_ms": _METADATA_MS,
            "metrics_enabled": False,
        }
        attempt = 0
        while not self._stopping.is_set():
            attempt += 1
            try:
                consumer = connect(KafkaConsumer, self._settings, **options)
            except DependencyUnavailable as error:
                self.last_turn = time.monotonic()
                delay = min(2.0 ** (attempt - 1) / 2, _LONGEST_BACKOFF)
                log.warning(
                    "waiting for the broker",
                    reason=error.reason.value,
                    address=error.location,
                    detail=error.detail,
                    attempt=attempt,
                    next_try_seconds=delay,
                )
                self._stopping.wait(delay)
                continue
            consumer.subscribe(
                list(self._settings.input_topics),
                listener=Rebalance(consumer, self.assignment, self._drop, self._history_topics),
            )
            log.info(
                "subscribed",
                topics=list(self._settings.input_topics),
                group=self._settings.group_id,
                address=self._settings.bootstrap_servers,
            )
            return consumer
        return None

    def _warn_of_missing_topics(self, consumer: KafkaConsumer) -> None:
        with suppress(KafkaError):
            missing = sorted(set(self._settings.input_topics) - consumer.topics())
            if missing:
                log.warning("input topics are missing: oncofhir topics ensure", topics=missing)

    def _poll(self, consumer: KafkaConsumer) -> None:
        while not self._stopping.is_set():
            try:
                self._turn(consumer)
            except KafkaError as error:
                cause = translated(error, self._settings)
                if isinstance(cause, AccessDenied):
                    raise cause from error
                self._failures += 1
                if isinstance(error, RetriableError):
                    self.last_turn = time.monotonic()
                log.warning("poll failed", error=type(error).__name__, failures=self._failures)
                self._stopping.wait(min(0.1 * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF))
            else:
                self._failures = 0
                self.last_turn = time.monotonic()

    def _turn(self, consumer: KafkaConsumer) -> None:
        room = self._room()
        if self._history_topics:
            room = self._history_turn(consumer, room)
        self._pause(consumer)
        if self._full:  # nothing can come, and the client cannot be woken: wait here instead
            self._room_again.wait(_POLL_MS / 1000)
        self._take(consumer, 0 if self._full else _POLL_MS, room)
        self.joined = _is_member(consumer)
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + self._settings.commit_interval_seconds
            offsets = self.assignment.uncommitted()
            if offsets:
                consumer.commit_async(to_commit(offsets), callback=self._commit_answered)

    def _take(self, consumer: KafkaConsumer, timeout_ms: int, room: int) -> None:
        free_the_slot(consumer)
        batches = consumer.poll(timeout_ms=timeout_ms, max_records=room)
        if batches:
            self._hand_over(consumer, batches)
        self._note_highwaters(consumer)

    def _history_turn(self, consumer: KafkaConsumer, room: int) -> int:
        """Decide whether history rests; how many records may be polled, of both lanes together."""
        if not self._history.rests:
            # What was fetched of history lies before live records in the client: take those first.
            self._pause(consumer, history_rests=True)
            self._take(consumer, 0, room)
            room = self._room()
        behind = self._live_behind(consumer)
        before, self._history = (
            self._history,
            next_state(self._history, behind, time.monotonic(), self._rule),
        )
        if before.rests != self._history.rests:
            log.info("history rests" if self._history.rests else "history goes on", behind=behind)
        free = self._history_room()
        return room if self._history.rests or free <= 0 else min(room, free)

    def _history_room(self) -> int:
        """Records that the lane may still take up of its half; 0 also when its bytes are held."""
        records, size = self.assignment.load_of(self._history_topics)
        if size >= self._settings.max_in_flight_bytes // 2:
            return 0
        return max(0, self._settings.max_in_flight_records * _HELD_PER_PLACE // 2 - records)

    def _live_behind(self, consumer: KafkaConsumer) -> int | None:
        assigned = consumer.assignment()
        if not assigned:
            return None
        live = [at for at in assigned if at.topic in self._live]
        self._asked = {at: end for at, end in self._asked.items() if at in live}
        if time.monotonic() >= self._next_question:
            self._ask_ends(consumer, live)
        unread: dict[Partition, int] = {}
        for at in live:
            with suppress(KafkaError, KeyError):  # revoked since, on the IO thread
                end, position = consumer.highwater(at), consumer.position(at, timeout_ms=0)
                end = self._asked.get(at) if end is None else end
                if end is not None and position is not None:
                    unread[at.topic, at.partition] = end - position
        held, _ = self.assignment.load_of(self._live)
        return live_behind([(at.topic, at.partition) for at in live], unread, held)

    def _ask_ends(self, consumer: KafkaConsumer, live: Sequence[TopicPartition]) -> None:
        """Within a fetch session a broker tells nothing of a partition in which nothing happens."""
        with suppress(KafkaError, KeyError):
            unknown = [at for at in live if consumer.highwater(at) is None]
            if unknown:
                self._next_question = time.monotonic() + _ASK_SECONDS
                self._asked |= consumer.end_offsets(unknown, timeout_ms=_ASK_MS)

    def _note_highwaters(self, consumer: KafkaConsumer) -> None:
        for at in consumer.assignment():
            with suppress(IllegalStateError):  # revoked since, on the IO thread
                self._highwater[at.topic, at.partition] = consumer.highwater(at) or 0

    def _room(self) -> int:
        """How many records may be polled; notes whether all that may be held is held."""
        records, size = self.assignment.load
        most = self._settings.max_in_flight_records * _HELD_PER_PLACE
        most_bytes = self._settings.max_in_flight_bytes
        if self._full:  # go on only when a half is free, so that pausing does not flutter
            self._full = self._is_over_half()
        else:
            self._room_again.clear()
            self._full = records >= most or size >= most_bytes
        return max(1, min(most - records, _MOST_AT_A_POLL))

    def _is_over_half(self) -> bool:
        records, size = self.assignment.load
        most = self._settings.max_in_flight_records * _HELD_PER_PLACE
        return records > most // 2 or size > self._settings.max_in_flight_bytes // 2

    def _pause(self, consumer: KafkaConsumer, *, history_rests: bool | None = None) -> None:
        assigned = {(at.topic, at.partition) for at in consumer.assignment()}
        paused = {(at.topic, at.partition) for at in consumer.paused()}
        wanted = to_pause(
            assigned,
            self._history_topics,
            everything=self._full or self._held_back.is_set(),
            ahead=self.assignment.ahead(self._settings.max_replay_records),
            history_rests=self._history.rests if history_rests is None else history_rests,
            history_is_full=self._history_room() <= 0,
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
            offsets = self.assignment.uncommitted() if _is_member(consumer) else {}
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


def _is_member(consumer: KafkaConsumer) -> bool:
    """In the group, and the broker that keeps the group answers."""
    # The state stays stable until the session ends; that the coordinator was lost is told nowhere else.
    coordinator = getattr(consumer, "_coordinator", None)
    is_lost = coordinator is not None and coordinator.coordinator_unknown()
    return not is_lost and consumer.group_metadata().state == MemberState.STABLE
