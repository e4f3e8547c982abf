"""Which of several values of one kind stay: one a slot and tumour, the most authoritative."""

from collections.abc import Iterable

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.tumors import Tumors
from oncofhir.schemas.finding import Finding, Kind

_Slot = tuple[Kind, str | None]


def apart(candidates: Iterable[Candidate], tumors: Tumors) -> list[Candidate]:
    """A claim of both sides, where each side has a tumour of its own, claims each side of one."""
    sides = [tumor.side for tumor in tumors.several if tumor.side]
    found: list[Candidate] = []
    for candidate in candidates:
        if (candidate.kind, candidate.value) == (Kind.TUMOR_LATERALITY, "bilateral"):
            named = dict.fromkeys(sides) if len(set(sides)) > 1 else {candidate.value: None}
            found += [candidate.model_copy(update={"value": side}) for side in named]
        else:
            found.append(candidate)
    return found


def one_a_slot(findings: Iterable[Finding], tumors: Tumors) -> tuple[Finding, ...]:
    """The first finding of a kind and slot for each tumour; of no tumour only where no tumour has one.

    Where a report does not tell tumours apart, one a kind, slot and specimen part.
    """
    labels = {tumor.label for tumor in tumors.several}
    first: dict[tuple[_Slot, str | None], Finding] = {}
    for finding in findings:
        if finding.evidence:
            first.setdefault(((finding.kind, finding.slot), finding.part), finding)
    owned = {slot for slot, part in first if part in labels}
    return tuple(
        finding
        for (slot, part), finding in first.items()
        if not labels or part in labels or slot not in owned
    )
