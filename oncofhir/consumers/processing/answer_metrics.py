"""Metrics of a model's answers in production, so that drift shows without labelled data.

Label values are a closed set: sizes become ranges, stages their number, names whether a code was found.
"""

import re

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, Processed, RowStatus
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics

# Upper limits of T1, T2 and T3 in the breast (AJCC), in mm; those of other organs are similar.
_SIZES = ((20, "to 20 mm"), (50, "to 50 mm"), (100, "to 100 mm"))
_CLOSED = {
    Kind.TUMOR_LATERALITY: frozenset({"left", "right", "bilateral", "midline"}),
    Kind.CANCER_GRADE: frozenset({"1", "2", "3", "4", "low", "intermediate", "high"}),
    Kind.HORMONE_RECEPTOR: frozenset({"positive", "negative", "equivocal"}),
}
_STAGE = re.compile(r"^[a-z]*([TNM](?:[0-4X]|is)|IV|I{1,3}|0)")
OTHER = "other"


def record_answers(metrics: Metrics, processed: Processed) -> None:
    """Record a report for which the model was asked: its cost, findings and rejected findings."""
    metrics.count(m.MODEL_ASKED)
    metrics.count(m.MODEL_QUESTIONS, by=processed.usage.requests)
    metrics.count(m.MODEL_TOKENS, "prompt", by=processed.usage.prompt_tokens)
    metrics.count(m.MODEL_TOKENS, "generated", by=processed.usage.generated_tokens)
    rows = [row for row in processed.rows if row.status is RowStatus.CURRENT]
    for row in rows:
        metrics.count(m.FINDINGS, _kind(row), value_class(row))
        if row.confidence is not None:
            metrics.observe(m.FINDING_CONFIDENCE, row.confidence, row.kind.value)
    for kind in {_kind(row) for row in rows}:
        metrics.count(m.REPORTS_ANSWERED, kind)
    for reason, number in processed.outcome.rejected.items():
        metrics.count(m.REJECTED_FINDINGS, reason, by=number)


def value_class(row: PhenotypeRow) -> str:
    """Return the class of a finding's value; the value itself only if it is one of a closed set."""
    if row.kind is Kind.TUMOR_SIZE:
        size = row.number or 0.0
        return next((name for most, name in _SIZES if size <= most), "over 100 mm")
    if row.kind in _CLOSED:
        return row.value if row.value in _CLOSED[row.kind] else OTHER
    if row.kind is Kind.CANCER_STAGE:
        found = _STAGE.match(row.value)
        return found[1] if found else OTHER
    return "coded" if row.codings else "uncoded"


def _kind(row: PhenotypeRow) -> str:
    return f"{row.kind.value}/{row.slot}" if row.slot else row.kind.value
