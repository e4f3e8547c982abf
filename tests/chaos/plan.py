"""What a chaos run does, and when: faults at shares of the reports that have an outcome."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Deed(StrEnum):
    """One thing that is done to the running system."""

    KILL_WORKER = "kill -9 of a worker"
    RESTART_BROKER = "broker restart"
    KILL_BROKER = "kill -9 of the broker"
    RESTART_MODEL = "model server restart"
    FHIR_OUTAGE = "FHIR server down"
    REBALANCE_STORM = "rebalance storm"


@dataclass(frozen=True)
class Plan:
    """How much of everything. Seconds."""

    reports: int = 2_000
    broken: int = 40
    partitions: int = 8
    workers: int = 3
    kills: int = 10
    broker_restarts: int = 3
    model_restarts: int = 2
    outage_seconds: float = 30.0
    storm_joins: int = 4
    fault_share: float = 0.1
    hang_seconds: float = 7.0
    limit_seconds: float = 15 * 60.0
    seed: int = 1

    def deeds(self) -> Sequence[tuple[float, Deed]]:
        """What is done at which share of finished reports, in order."""
        dice = random.Random(self.seed)
        kinds = [Deed.KILL_WORKER] * self.kills
        kinds += [Deed.RESTART_BROKER] * (self.broker_restarts - 1)
        kinds += [Deed.KILL_BROKER] * min(1, self.broker_restarts)
        kinds += [Deed.RESTART_MODEL] * self.model_restarts
        kinds += [Deed.FHIR_OUTAGE] * (self.outage_seconds > 0)
        kinds += [Deed.REBALANCE_STORM] * (self.storm_joins > 0)
        dice.shuffle(kinds)
        return [(0.04 + 0.84 * n / len(kinds), deed) for n, deed in enumerate(kinds)]


SMALL = Plan(
    reports=240,
    broken=8,
    workers=2,
    kills=3,
    broker_restarts=1,
    model_restarts=1,
    outage_seconds=4.0,
    storm_joins=1,
    limit_seconds=240.0,
)
