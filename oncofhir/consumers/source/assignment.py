"""The partitions assigned to this worker: their epochs, their offsets and what is in flight."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, Partition
from oncofhir.consumers.source.offsets import OffsetTracker


@dataclass(frozen=True)
class Rewind:
    """An epoch that ended although the partition stays assigned. `to` is the offset to continue from."""

    ended: AssignmentEpoch
    to: int


@dataclass
class _PartitionState:
    epoch: AssignmentEpoch
    offsets: OffsetTracker = field(default_factory=OffsetTracker)
    sizes: dict[int, int] = field(default_factory=dict)
    committed: int | None = None


class Assignment:
    """Shared by the poll thread, Kafka's IO thread (rebalances) and asyncio (completions).

    Every method is thread-safe, and none blocks on anything but the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[Partition, _PartitionState] = {}
        self._epochs = 0
        self._records = 0
        self._bytes = 0

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Start an epoch of each partition. What an older epoch left is dropped."""
        with self._lock:
            for partition in partitions:
                self._drop(partition)
                self._start_epoch(partition)

    def drop(self, partitions: Iterable[Partition]) -> frozenset[AssignmentEpoch]:
        """End the epochs of partitions. Their unfinished records belong to another worker now."""
        with self._lock:
            dropped = (self._drop(partition) for partition in partitions)
            return frozenset(epoch for epoch in dropped if epoch is not None)

    def track(self, at: Coordinates, size: int) -> AssignmentEpoch | Rewind | None:
        """Track a polled record. Return its epoch, or None when the partition is not assigned.

        A record at or before an offset that was polled means that the log was truncated or the position
        reset. Then the epoch ends, a new one starts, and the record is not tracked: it is polled again.
        """
        partition = (at.topic, at.partition)
        with self._lock:
            state = self._states.get(partition)
            if state is None:
                return None
            unfinished = state.offsets.committable
            try:
                state.offsets.start(at.offset)
            except ValueError:
                self._drop(partition)
                self._start_epoch(partition)
                to = at.offset if unfinished is None else min(unfinished, at.offset)
                return Rewind(state.epoch, to)
            state.sizes[at.offset] = size
            self._records += 1
            self._bytes += size
            return state.epoch

    def is_current(self, epoch: AssignmentEpoch) -> bool:
        """Return whether an epoch has not ended."""
        with self._lock:
            state = self._states.get((epoch.topic, epoch.partition))
            return state is not None and state.epoch == epoch

    def finish(self, epoch: AssignmentEpoch, offset: int) -> bool:
        """Mark a record as finished. Return False when its epoch has ended."""
        with self._lock:
            state = self._states.get((epoch.topic, epoch.partition))
            if state is None or state.epoch != epoch:
                return False
            state.offsets.finish(offset)
            size = state.sizes.pop(offset, None)
            if size is not None:
                self._records -= 1
                self._bytes -= size
            return True

    def uncommitted(self, partitions: Collection[Partition] | None = None) -> dict[Partition, int]:
        """Return the offsets that may be committed and have not been, of these partitions or of all."""
        with self._lock:
            return {
                partition: state.offsets.committable
                for partition, state in self._states.items()
                if (partitions is None or partition in partitions)
                and state.offsets.committable is not None
                and state.offsets.committable != state.committed
            }

    def positions(self) -> dict[Partition, int]:
        """Return per partition the offset that a successor would start at, as far as there is one."""
        with self._lock:
            return {
                partition: state.offsets.committable
                for partition, state in self._states.items()
                if state.offsets.committable is not None
            }

    def mark_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Remember that a commit was acknowledged."""
        with self._lock:
            for partition, offset in offsets.items():
                state = self._states.get(partition)
                if state is not None:
                    state.committed = offset

    def over_replay_limit(self, limit: int) -> frozenset[Partition]:
        """Return the partitions of which `limit` or more records would be redelivered after a crash."""
        with self._lock:
            return frozenset(
                p for p, state in self._states.items() if state.offsets.replay >= limit
            )

    @property
    def to_redeliver(self) -> int:
        """Number of polled records that would be redelivered if the worker ended now."""
        with self._lock:
            return sum(state.offsets.replay for state in self._states.values())

    @property
    def partitions(self) -> frozenset[Partition]:
        with self._lock:
            return frozenset(self._states)

    @property
    def in_flight(self) -> tuple[int, int]:
        """Records and bytes in flight: polled and not finished."""
        with self._lock:
            return self._records, self._bytes

    def in_flight_of(self, topics: Collection[str]) -> tuple[int, int]:
        """Return the records and bytes in flight of these topics."""
        with self._lock:
            sizes = [state.sizes for (topic, _), state in self._states.items() if topic in topics]
            return sum(map(len, sizes)), sum(sum(of.values()) for of in sizes)

    def _start_epoch(self, partition: Partition) -> _PartitionState:
        self._epochs += 1
        state = _PartitionState(AssignmentEpoch(*partition, self._epochs))
        self._states[partition] = state
        return state

    def _drop(self, partition: Partition) -> AssignmentEpoch | None:
        state = self._states.pop(partition, None)
        if state is None:
            return None
        self._records -= len(state.sizes)
        self._bytes -= sum(state.sizes.values())
        return state.epoch
