"""The partitions that are ours now: their tenures, their offsets and how much of them is held."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, Partition
from oncofhir.consumers.source.offsets import OffsetTracker


@dataclass(frozen=True)
class Rewind:
    """A tenure ended within an assignment; `to` is the offset to go on from, so that nothing is left out."""

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

    Every method is safe to call from any thread and none blocks on anything but the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[Partition, _PartitionState] = {}
        self._epochs = 0
        self._records = 0
        self._bytes = 0

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Begin a tenure of each partition; what an older one left is dropped."""
        with self._lock:
            for partition in partitions:
                self._drop(partition)
                self._start_epoch(partition)

    def drop(self, partitions: Iterable[Partition]) -> frozenset[AssignmentEpoch]:
        """End the tenures of partitions; their unfinished work is another's now."""
        with self._lock:
            dropped = (self._drop(partition) for partition in partitions)
            return frozenset(tenure for tenure in dropped if tenure is not None)

    def track(self, at: Coordinates, size: int) -> AssignmentEpoch | Rewind | None:
        """Take up a polled record: its tenure; None when the partition is not ours.

        A record that lies before one that was polled means that the log was cut or the position
        reset. The tenure ends, a new one begins, and the record is not taken up: it comes again.
        """
        partition = (at.topic, at.partition)
        with self._lock:
            held = self._states.get(partition)
            if held is None:
                return None
            unfinished = held.offsets.committable
            try:
                held.offsets.start(at.offset)
            except ValueError:
                self._drop(partition)
                self._start_epoch(partition)
                to = at.offset if unfinished is None else min(unfinished, at.offset)
                return Rewind(held.epoch, to)
            held.sizes[at.offset] = size
            self._records += 1
            self._bytes += size
            return held.epoch

    def is_current(self, tenure: AssignmentEpoch) -> bool:
        """Whether a tenure has not ended."""
        with self._lock:
            held = self._states.get((tenure.topic, tenure.partition))
            return held is not None and held.epoch == tenure

    def finish(self, tenure: AssignmentEpoch, offset: int) -> bool:
        """Count a record as finished; False when its tenure has ended."""
        with self._lock:
            held = self._states.get((tenure.topic, tenure.partition))
            if held is None or held.epoch != tenure:
                return False
            held.offsets.finish(offset)
            size = held.sizes.pop(offset, None)
            if size is not None:
                self._records -= 1
                self._bytes -= size
            return True

    def uncommitted(self, partitions: Collection[Partition] | None = None) -> dict[Partition, int]:
        """Offsets that may be committed and have not been, of these partitions or of all."""
        with self._lock:
            return {
                partition: held.offsets.committable
                for partition, held in self._states.items()
                if (partitions is None or partition in partitions)
                and held.offsets.committable is not None
                and held.offsets.committable != held.committed
            }

    def positions(self) -> dict[Partition, int]:
        """Of each partition, the offset that a successor would start at; those without one left out."""
        with self._lock:
            return {
                partition: held.offsets.committable
                for partition, held in self._states.items()
                if held.offsets.committable is not None
            }

    def mark_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note that a commit was acknowledged."""
        with self._lock:
            for partition, offset in offsets.items():
                held = self._states.get(partition)
                if held is not None:
                    held.committed = offset

    def over_replay_limit(self, limit: int) -> frozenset[Partition]:
        """Partitions of which `limit` or more records would be replayed after a crash."""
        with self._lock:
            return frozenset(p for p, held in self._states.items() if held.offsets.replay >= limit)

    @property
    def partitions(self) -> frozenset[Partition]:
        with self._lock:
            return frozenset(self._states)

    @property
    def in_flight(self) -> tuple[int, int]:
        """Records and bytes that are held: polled and not finished."""
        with self._lock:
            return self._records, self._bytes

    def in_flight_of(self, topics: Collection[str]) -> tuple[int, int]:
        """Of these topics, records and bytes that are held."""
        with self._lock:
            sizes = [held.sizes for (topic, _), held in self._states.items() if topic in topics]
            return sum(map(len, sizes)), sum(sum(of.values()) for of in sizes)

    def _start_epoch(self, partition: Partition) -> _PartitionState:
        self._epochs += 1
        held = _PartitionState(AssignmentEpoch(*partition, self._epochs))
        self._states[partition] = held
        return held

    def _drop(self, partition: Partition) -> AssignmentEpoch | None:
        held = self._states.pop(partition, None)
        if held is None:
            return None
        self._records -= len(held.sizes)
        self._bytes -= sum(held.sizes.values())
        return held.epoch
