"""What a change to the reports costs: the same labels scored before and after, and the loss in points.

A point is a hundredth of F1. Where the change demands absence (`negate`), F1 of absent values is no measure:
`kept` is then the share of the demanded absences that were respected, before the change of the values found.
"""

from collections.abc import Sequence
from typing import Any

from oncofhir.evaluation.calibration.observed import Observed
from oncofhir.evaluation.dataset import LabelledReport
from oncofhir.evaluation.perturbation.perturb import Perturbation, Perturbed
from oncofhir.evaluation.run import Measurement
from oncofhir.evaluation.scoring.scores import MACRO, MICRO, summary
from oncofhir.evaluation.scoring.tally import tallies

POINTS = 100


def as_reports(
    reports: Sequence[LabelledReport], changed: Sequence[Perturbed]
) -> list[LabelledReport]:
    """The changed texts as reports to be read; their labels are `Perturbed.after`, not the report's."""
    return [
        report.model_copy(update={"text": perturbed.text})
        for report, perturbed in zip(reports, changed, strict=True)
    ]


def robustness(
    before: Measurement,
    after: Measurement,
    changed: Sequence[Perturbed],
    kind: Perturbation,
    rate: float,
    seed: int,
) -> dict[str, Any]:
    """The scores with and without the change, on the labels it bears on."""
    pairs = list(zip(before.reports, after.reports, changed, strict=True))
    first = [b.model_copy(update={"gold": p.before}) for b, _, p in pairs]
    second = [a.model_copy(update={"gold": p.after}) for _, a, p in pairs]
    said: dict[str, Any] = {
        "kind": kind.value,
        "rate": rate,
        "seed": seed,
        "reports": sum(bool(p.after) for p in changed),
        "labels": sum(len(p.after) for p in changed),
    }
    if kind is Perturbation.NEGATE:
        return said | {"before": {"found": _found(first)}, "after": {"kept": 1 - _found(second)}}
    scores = [summary([tallies(r) for r in reports], seed) for reports in (first, second)]
    lost = {MICRO: _less(scores[0][MICRO].exact.f1, scores[1][MICRO].exact.f1)}
    lost[MACRO] = _less(scores[0][MACRO]["f1"], scores[1][MACRO]["f1"])
    lost |= {
        name: _less(row.exact.f1, scores[1]["phenotypes"][name].exact.f1)
        for name, row in scores[0]["phenotypes"].items()
        if name in scores[1]["phenotypes"]
    }
    return said | {
        "before": scores[0],
        "after": scores[1],
        "loss_points": {name: POINTS * value for name, value in lost.items()},
    }


def _less(before: float | None, after: float | None) -> float:
    """What was lost; where there was nothing to measure, nothing."""
    return (before or 0.0) - (after or 0.0)


def _found(reports: Sequence[Observed]) -> float:
    """The share of labelled items with any finding."""
    found = [bool(report.claims(item)) for report in reports for item, _ in report.gold]
    return sum(found) / len(found) if found else 0.0
