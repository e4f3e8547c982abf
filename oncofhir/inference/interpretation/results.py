"""Findings and rejected findings as they are made of a claim, or of a fact that no claim names."""

from collections.abc import Iterable

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.lesions.facts import Fact
from oncofhir.schemas.finding import (
    Coding,
    Evidence,
    Finding,
    Kind,
    RejectedFinding,
    Rejection,
)
from oncofhir.terminology.coding import codings

MOST_EVIDENCE = 3
Result = Finding | RejectedFinding
# Schemes with four grades, or with a meaning of their own: mCODE's three histologic grades are no code
# for them (WHO/ISUP and Fuhrman of the kidney, Edmondson-Steiner of the liver, FIGO of the uterus, WHO of the
# central nervous system).
_SCHEMES_WITHOUT_CODES = frozenset({"grade-group", "isup", "fuhrman", "edmondson", "figo", "who"})


def grade_codings(mention_scheme: str | None, value: str) -> tuple[Coding, ...]:
    """The codes of a grade; none where its scheme has others than the three of mCODE."""
    if mention_scheme in _SCHEMES_WITHOUT_CODES:
        return ()
    return codings(Kind.CANCER_GRADE, None, value)


def finding_of(
    index: ReportIndex,
    kind: Kind,
    facts: list[Fact],
    *,
    raw: str,
    confidence: float | None,
    part: str | None,
    lesion: str | None,
) -> Finding:
    """The finding that facts support, the first of which is the one that counts."""
    best = facts[0].mention
    return Finding(
        kind=kind,
        slot=best.slot,
        value=best.value if best.number is None else f"{best.number:g} mm",
        number=best.number,
        unit="mm" if best.number is not None else None,
        dimensions=best.dimensions,
        raw=raw,
        confidence=confidence,
        evidence=quotes(index, ((f.mention.start, f.mention.end) for f in facts[:MOST_EVIDENCE])),
        codings=grade_codings(best.scheme, best.value)
        if kind is Kind.CANCER_GRADE
        else codings(kind, best.slot, best.value),
        part=part or index.part(best.start),
        lesion=lesion,
    )


def quotes(index: ReportIndex, spans: Iterable[tuple[int, int]]) -> tuple[Evidence, ...]:
    """The evidence for stretches of the report, each once."""
    found = (index.quote(start, end) for start, end in spans)
    return tuple(dict.fromkeys(quote for quote in found if quote is not None))


def rejected(
    candidate: Candidate, reason: Rejection, evidence: tuple[Evidence, ...] = ()
) -> RejectedFinding:
    """The candidate as a rejected finding."""
    return RejectedFinding(
        kind=candidate.kind,
        slot=candidate.slot,
        value=candidate.value,
        raw=candidate.raw,
        reason=reason,
        confidence=candidate.confidence,
        evidence=evidence,
    )


def below(finding: Finding) -> RejectedFinding:
    """A finding whose confidence is below what the site asks for."""
    return RejectedFinding(
        kind=finding.kind,
        slot=finding.slot,
        value=finding.value,
        raw=finding.raw,
        reason=Rejection.LOW_CONFIDENCE,
        confidence=finding.confidence,
        evidence=finding.evidence,
        part=finding.part,
        lesion=finding.lesion,
    )
