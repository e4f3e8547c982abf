"""How far a stated confidence can be believed: reliability table and expected calibration error.

ECE is the mean of |share right - mean confidence| over ten equal-width bins, weighted by their findings
(Guo et al., On Calibration of Modern Neural Networks, ICML 2017). Only findings whose item is labelled and
that have a confidence count.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from oncofhir.evaluation.calibration.observed import Observed
from oncofhir.evaluation.scoring.matching import exact
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind

BINS = 10


class Judged(Value):
    """A finding's confidence, and whether it was right."""

    kind: Kind
    confidence: float
    right: bool


def in_first_half(key: str, seed: int) -> bool:
    """Whether a report belongs to the half that calibrations are fitted on; the same in every run."""
    return hashlib.sha256(f"{seed}|{key}".encode()).digest()[0] % 2 == 0


def judged(reports: Sequence[Observed]) -> list[Judged]:
    """The most authoritative finding of each labelled item."""
    return [
        Judged(
            kind=claims[0].kind,
            confidence=claims[0].confidence,
            right=gold is not None and exact(item, gold, claims[0].value),
        )
        for report in reports
        for item, gold in report.gold
        if (claims := report.claims(item)) and claims[0].confidence is not None
    ]


def reliability(findings: Sequence[Judged]) -> dict[str, Any]:
    """The table, and the error that it sums up to; `ece` is None when no finding has a confidence."""
    table = []
    error = 0.0
    for number in range(BINS):
        inside = [f for f in findings if min(BINS - 1, int(f.confidence * BINS)) == number]
        if inside:
            confidence = sum(f.confidence for f in inside) / len(inside)
            right = sum(f.right for f in inside) / len(inside)
            error += abs(confidence - right) * len(inside) / len(findings)
            table.append(
                {
                    "from": number / BINS,
                    "to": (number + 1) / BINS,
                    "findings": len(inside),
                    "confidence": confidence,
                    "right": right,
                }
            )
    return {"findings": len(findings), "ece": error if findings else None, "table": table}
