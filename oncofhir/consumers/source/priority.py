"""Two lanes: live records, and history that is read only while the live ones are caught up.

History rests by pausing its partitions, never by leaving the group, and it holds at most half of what
may be held, so that live records find room at any time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from oncofhir.consumers.kafka.records import Partition

_CALM_SECONDS = 1.0


class Priority(StrEnum):
    """Whether a record tells of what happens now, or of what lies behind."""

    LIVE = "live"
    BACKFILL = "backfill"


@dataclass(frozen=True)
class BackfillRule:
    """When history rests, in live records that are unread or unfinished in this worker's partitions.

    Above `rests_above` it rests; it goes on when at most half as many were left for `calm_seconds`.
    """

    pause_above: int
    calm_seconds: float = _CALM_SECONDS


@dataclass(frozen=True)
class BackfillState:
    """Whether history rests, and since when (monotonic seconds) the live lane has been calm; None: it is not.

    It begins resting: nothing is known of the live lane yet.
    """

    paused: bool = True
    calm_since: float | None = None


def next_state(
    state: BackfillState, behind: int | None, now: float, rule: BackfillRule
) -> BackfillState:
    """What history does next; `behind` is None while it is not known. A pure function."""
    if behind is None or behind > rule.pause_above:
        return BackfillState()
    if not state.paused:
        return state
    if behind > rule.pause_above // 2:
        return BackfillState()
    since = now if state.calm_since is None else state.calm_since
    return BackfillState(paused=now - since < rule.calm_seconds, calm_since=since)


def live_lag(
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


def partitions_to_pause(
    assigned: Collection[Partition],
    backfill_topics: Collection[str],
    *,
    everything: bool,
    over_replay_limit: Collection[Partition],
    backfill_paused: bool,
    backfill_exhausted: bool,
) -> frozenset[Partition]:
    """The partitions to be paused, for whichever reason. `history` are the topics of that lane.

    `everything`: all that may be held is held, or a dependency is out. `ahead`: partitions that went as
    far ahead of an unfinished record as they may. `history_is_full`: the lane holds its half.
    """
    return frozenset(
        partition
        for partition in assigned
        if everything
        or partition in over_replay_limit
        or ((backfill_paused or backfill_exhausted) and partition[0] in backfill_topics)
    )
