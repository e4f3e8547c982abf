"""Two lanes: live records, and history that is read only while the live ones are caught up.

History rests by pausing its partitions, never by leaving the group, and it holds at most half of what
may be held, so that live records find room at any time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from oncofhir.consumers.kafka.records import Partition

_CALM_SECONDS = 1.0


class Lane(StrEnum):
    """Whether a record tells of what happens now, or of what lies behind."""

    LIVE = "live"
    HISTORY = "backfill"


@dataclass(frozen=True)
class LaneRule:
    """When history rests, in live records that are unread or unfinished in this worker's partitions.

    Above `rests_above` it rests; it goes on when at most half as many were left for `calm_seconds`.
    """

    rests_above: int
    calm_seconds: float = _CALM_SECONDS


@dataclass(frozen=True)
class HistoryState:
    """Whether history rests, and since when (monotonic seconds) the live lane has been calm; None: it is not.

    It begins resting: nothing is known of the live lane yet.
    """

    rests: bool = True
    calm_since: float | None = None


def next_state(state: HistoryState, behind: int | None, now: float, rule: LaneRule) -> HistoryState:
    """What history does next; `behind` is None while it is not known. A pure function."""
    if behind is None or behind > rule.rests_above:
        return HistoryState()
    if not state.rests:
        return state
    if behind > rule.rests_above // 2:
        return HistoryState()
    since = now if state.calm_since is None else state.calm_since
    return HistoryState(rests=now - since < rule.calm_seconds, calm_since=since)


def live_behind(
    live: Collection[Partition],
    unread: Mapping[Partition, int],
    unfinished: int,
) -> int | None:
    """Live records that are not finished, read or not; None while a partition's end is not known.

    `unread` are, by partition, the records after the position; `unfinished` are those that are held.
    """
    if any(partition not in unread for partition in live):
        return None
    return unfinished + sum(max(0, unread[partition]) for partition in live)


def to_pause(
    assigned: Collection[Partition],
    history: Collection[str],
    *,
    everything: bool,
    ahead: Collection[Partition],
    history_rests: bool,
    history_is_full: bool,
) -> frozenset[Partition]:
    """The partitions to be paused, for whichever reason. `history` are the topics of that lane.

    `everything`: all that may be held is held, or a dependency is out. `ahead`: partitions that went as
    far ahead of an unfinished record as they may. `history_is_full`: the lane holds its half.
    """
    return frozenset(
        partition
        for partition in assigned
        if everything
        or partition in ahead
        or ((history_rests or history_is_full) and partition[0] in history)
    )
