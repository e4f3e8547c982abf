"""Builds the JSON result of an evaluation: scores and counts by report; no text, values or identifiers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from oncofhir import __version__
from oncofhir.evaluation.calibration.observed import Observed
from oncofhir.evaluation.calibration.reliability import in_first_half, judged, reliability
from oncofhir.evaluation.dataset import ITEMS
from oncofhir.evaluation.run import Measurement
from oncofhir.evaluation.scoring.false_facts import false_facts
from oncofhir.evaluation.scoring.resources import (
    CONDITION,
    OBSERVATION,
    is_uncoded,
    resource_type,
    tally_resources,
)
from oncofhir.evaluation.scoring.scores import summary
from oncofhir.evaluation.scoring.tally import Tally, tallies
from oncofhir.evaluation.scoring.text_measures import diagnosis_measures, paper_measure
from oncofhir.inference.calibration import Calibration
from oncofhir.schemas.finding import Rejection
from oncofhir.terminology import TERMINOLOGY_VERSION

FORMAT = 1
_TYPE_OF = {item.name: resource_type(item) for item in ITEMS}


def result(
    measured: Measurement, dataset_sha256: str, seed: int, calibration: Calibration | None = None
) -> dict[str, Any]:
    """Return all measures. `calibration` is the one that was applied, if any."""
    reports = measured.reports
    counted = [tallies(report) for report in reports]
    return {
        "format": FORMAT,
        "dataset": {"sha256": dataset_sha256, "reports": len(reports)},
        "model": measured.model.model_dump(mode="json"),
        "prompt_set": measured.prompt_set.model_dump(mode="json"),
        "software": __version__,
        "terminology": TERMINOLOGY_VERSION,
        "seed": seed,
        "findings": summary(counted, seed),
        "false_facts": false_facts(counted),
        "diagnosis": diagnosis_measures(reports),
        "paper": paper_measure(reports),
        "resources": _resources(measured, seed),
        "abstention": _abstention(reports),
        "grounding": _grounding(reports),
        "calibration": _calibration(measured, seed, calibration),
        "cost": _cost(measured),
        "unread": sum(report.unread for report in reports),
        "reports": by_report(reports, counted),
    }


def by_report(
    reports: Sequence[Observed], counted: Sequence[dict[str, Tally]]
) -> dict[str, dict[str, list[int]]]:
    """Return right, related, claimed and wanted by report and item, for `--compare`."""
    return {
        report.key: {
            name: [t.right, t.related, t.claimed, t.wanted] for name, t in of_report.items()
        }
        for report, of_report in zip(reports, counted, strict=True)
    }


def _resources(measured: Measurement, seed: int) -> dict[str, Any]:
    """Return the scores of the resources (see `resources.py`): by resource type, by item, and in total."""
    golds = [dict(report.gold) for report in measured.reports]
    counted = [
        tally_resources(gold, found) for gold, found in zip(golds, measured.resources, strict=True)
    ]
    by_type = {
        type_: [
            {name: t for name, t in report.items() if _TYPE_OF.get(name) == type_}
            for report in counted
        ]
        for type_ in (CONDITION, OBSERVATION)
    }
    scores = summary(counted, seed)
    return {
        **{type_: summary(of_type, seed)["micro"] for type_, of_type in by_type.items()},
        "micro": scores["micro"],
        "items": scores["items"],
        "uncoded": sum(
            is_uncoded(item, value)
            for gold in golds
            for item, value in gold.items()
            if resource_type(item)
        ),
    }


def _abstention(reports: Sequence[Observed]) -> dict[str, Any]:
    """Return the abstentions.

    `answers`: the share of the model's answers that the report does not say; `labels`: the share of labelled
    values without a finding, for any reason; `absent`: the share of known absences without a finding.
    """
    said = sum(report.answers for report in reports)
    of_values = [not r.claims(item) for r in reports for item, gold in r.gold if gold is not None]
    of_absent = [not r.claims(item) for r in reports for item, gold in r.gold if gold is None]
    return {
        "answers": sum(report.abstained for report in reports) / said if said else None,
        "labels": sum(of_values) / len(of_values) if of_values else None,
        "absent": sum(of_absent) / len(of_absent) if of_absent else None,
    }


def _grounding(reports: Sequence[Observed]) -> dict[str, Any]:
    """Return the rejected claims by reason; `rate` is the ungrounded share of all claims."""
    reasons: Counter[str] = Counter()
    for report in reports:
        reasons.update(report.rejected)
    found = sum(len(claims) for report in reports for claims in report.found.values())
    claimed = found + reasons.total()
    ungrounded = reasons[Rejection.UNGROUNDED.value]
    return {
        "claims": claimed,
        "findings": found,
        "rejected": {reason.value: reasons[reason.value] for reason in Rejection},
        "rate": ungrounded / claimed if claimed else None,
    }


def _calibration(
    measured: Measurement, seed: int, calibration: Calibration | None
) -> dict[str, Any]:
    """Return the calibration measures, on the half of the reports that no calibration is fitted on."""
    at_work = (
        calibration
        if calibration and calibration.applies_to(measured.model, measured.prompt_set)
        else None
    )
    seed = at_work.seed if at_work else seed
    kept = [report for report in measured.reports if not in_first_half(report.key, seed)]
    calibrated = at_work is not None
    return {"calibrated": calibrated, "reports": len(kept), **reliability(judged(kept))}


def _cost(measured: Measurement) -> dict[str, Any]:
    """Return the costs; `model_share` is the share of time spent waiting for the model server."""
    reports = measured.reports
    number = len(reports)
    own = sum(report.seconds for report in reports)
    asked = sum(report.model_seconds for report in reports)
    return {
        "seconds": measured.seconds,
        "reports_per_minute": 60 * number / measured.seconds if measured.seconds else None,
        "seconds_per_report": own / number,
        "model_seconds_per_report": asked / number,
        "model_share": asked / own if own else None,
        "prompt_tokens_per_report": sum(r.prompt_tokens for r in reports) / number,
        "generated_tokens_per_report": sum(r.generated_tokens for r in reports) / number,
    }
