"""Reviews as labelled examples, in the two formats that `oncofhir evaluate` reads.

Labels: one value per phenotype and report, for scores, calibration and thresholds. Cases: facts that must be
found and facts that must not, for reports with several tumours. Both hold the report's text, which is PHI.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from oncofhir.evaluation.dataset import RECEPTORS, LabelledReport
from oncofhir.fhir.store.head import Head
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus

_LABELS = {
    Kind.TUMOR_SIZE: "tumor_size",
    Kind.TUMOR_SITE: "tumor_site",
    Kind.TUMOR_LATERALITY: "tumor_laterality",
    Kind.CANCER_GRADE: "cancer_grade",
    Kind.HISTOLOGICAL_TYPE: "histological_type",
}
_STANDS = frozenset({ReviewStatus.CONFIRMED, ReviewStatus.CORRECTED})
_STAGES = ("t", "n", "m", "group")
Slot = tuple[Kind, str | None]


class ExampleFormat(StrEnum):
    """The formats of `oncofhir evaluate`."""

    LABELS = "labels"
    CASES = "cases"


class Example(Value):
    """One report as a line of the file. `left_out` counts phenotypes that the format cannot express."""

    line: dict[str, Any]
    left_out: int = 0


def example_of(head: Head, text: str, format: ExampleFormat) -> Example | None:  # noqa: A002
    """Build the example of a document whose text is `text`; None if nothing of it was decided."""
    rows = [row for row in head.published_rows if row.reviewed]
    if not rows:
        return None
    if format is ExampleFormat.CASES:
        return Example(line=_case(head, rows, text))
    return _labelled(head, rows, text)


def _labelled(head: Head, rows: Iterable[PhenotypeRow], text: str) -> Example | None:
    """A phenotype of which all findings were reviewed and at most one value stands; none is known absent."""
    values, left_out = _single_values(head, rows)
    labels: dict[str, Any] = {}
    for kind, name in _LABELS.items():
        if (kind, None) in values:
            labels[name] = values[kind, None]
    receptors = {
        slot: values[Kind.HORMONE_RECEPTOR, slot]
        for slot in RECEPTORS
        if (Kind.HORMONE_RECEPTOR, slot) in values
    }
    if receptors:
        labels["hormone_receptors"] = receptors
    stage = _stage(values)
    if stage:
        labels["cancer_stage"] = stage
    line: dict[str, Any] = {"id": head.document, "text": text, "labels": labels}
    if (Kind.DIAGNOSIS, None) in values:
        line["diagnosis"] = values[Kind.DIAGNOSIS, None]
    if not labels and "diagnosis" not in line:
        return None
    LabelledReport.model_validate(line, strict=True)
    return Example(line=line, left_out=left_out)


def _single_values(head: Head, rows: Iterable[PhenotypeRow]) -> tuple[dict[Slot, str | None], int]:
    standing: defaultdict[Slot, set[str]] = defaultdict(set)
    for row in rows:
        standing[row.kind, row.slot] |= {row.value} if row.review_status in _STANDS else set()
    undecided = {
        (row.kind, row.slot)
        for row in head.published_rows
        if not row.reviewed and row.status != "withdrawn"
    }
    single = {
        slot: next(iter(found), None)
        for slot, found in standing.items()
        if len(found) <= 1 and slot not in undecided
    }
    return single, len(standing) - len(single)


def _stage(values: Mapping[Slot, str | None]) -> str | None:
    """The stage as a report writes it: "pT2 pN1a, stage IIB". Absent components cannot be labelled."""
    found = {slot: values.get((Kind.CANCER_STAGE, slot)) for slot in _STAGES}
    categories = " ".join(value for slot, value in found.items() if value and slot != "group")
    group = f"stage {found['group']}" if found["group"] else ""
    return ", ".join(part for part in (categories, group) if part) or None


def _case(head: Head, rows: Iterable[PhenotypeRow], text: str) -> dict[str, Any]:
    expected, forbidden = [], []
    machine = {row.finding: row.value for row in head.rows}
    for row in rows:
        fact = [row.kind.value, row.slot, _pattern(row.value)]
        if row.review_status in _STANDS:
            expected.append(fact)
        was = machine.get(row.finding, row.value)
        is_wrong = row.review_status not in _STANDS or was != row.value
        if is_wrong and row.finding in machine:
            why = f"a reviewer: {row.review_status.value}"
            forbidden.append([row.kind.value, row.slot, _pattern(was), why])
    # A value that is right of one tumour is not forbidden because it is wrong of another.
    right = {(kind, slot, pattern) for kind, slot, pattern in expected}
    return {
        "id": head.document,
        "group": "reviewed",
        "text": text,
        "expected": expected,
        "forbidden": [fact for fact in forbidden if tuple(fact[:3]) not in right],
    }


def _pattern(value: str) -> str:
    return f"^{re.escape(value.lower())}$"
