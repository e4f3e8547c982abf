"""Priorities: live records first, backfill only while the live partitions are caught up. Pure.

Backfill is paused by pausing its partitions, never by leaving the group. It takes at most half of the
in-flight budget, so that live records always find capacity.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from oncofhir.consumers.kafka.records import Partition

_CALM_SECONDS = 1.0


class Priority(StrEnum):
    """Whether a record is current (live topics) or belongs to a backfill of older reports."""

    LIVE = "live"
    BACKFILL = "backfill"


@dataclass(frozen=True)
class BackfillRule:
    """When backfill is paused, by the lag of this worker's live partitions: records unread or in flight.

    It is paused above `pause_above`, and resumes once the lag was at most half of that for `calm_seconds`.
    """

    pause_above: int
    calm_seconds: float = _CALM_SECONDS


@dataclass(frozen=True)
class BackfillState:
    """Whether backfill is paused, and since when (monotonic seconds) the live lag is low; None: it is not.

    Backfill begins paused, because the live lag is not known yet.
    """

    paused: bool = True
    calm_since: float | None = None


def next_state(
    state: BackfillState, lag: int | None, now: float, rule: BackfillRule
) -> BackfillState:
    """Return the next state. `lag` is the live lag, None while it is not known."""
    if lag is None or lag > rule.pause_above:
        return BackfillState()
    if not state.paused:
        return state
    if lag > rule.pause_above // 2:
        return BackfillState()
    since = now if state.calm_since is None else state.calm_since
    return BackfillState(paused=now - since < rule.calm_seconds, calm_since=since)


def live_lag(
    live: Collection[Partition],
    unread: Mapping[Partition, int],
    in_flight: int,
) -> int | None:
    """Return the live records that are not finished, read or not. None while a partition's end is not known.

    `unread` are the records after the position, by partition; `in_flight` those that were read.
    """
    if any(partition not in unread for partition in live):
        return None
    return in_flight + sum(max(0, unread[partition]) for partition in live)


def partitions_to_pause(
    assigned: Collection[Partition],
    backfill_topics: Collection[str],
    *,
    everything: bool,
    over_replay_limit: Collection[Partition],
    backfill_paused: bool,
    backfill_exhausted: bool,
) -> frozenset[Partition]:
    """Return the partitions to pause, for whichever reason.

    `everything`: the in-flight budget is exhausted, or a dependency is unavailable. `over_replay_limit`:
    too many of their records are finished ahead of an unfinished one. `backfill_exhausted`: backfill has
    used its half of the budget.
    """
    return frozenset(
        partition
        for partition in assigned
        if everything
        or partition in over_replay_limit
        or ((backfill_paused or backfill_exhausted) and partition[0] in backfill_topics)
    )
