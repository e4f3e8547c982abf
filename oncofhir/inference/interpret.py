"""From answers to findings: claimed, grounded in the report, affirmed, coded; the rest with its reason."""

from collections.abc import Iterable, Mapping

from oncofhir.inference.candidates import Candidate, candidates
from oncofhir.inference.diagnosis import diagnose, without_malignancy
from oncofhir.inference.evidence import Reading
from oncofhir.inference.grounding import Place, ground
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Evidence, Finding, Kind, RejectedFinding, Rejection
from oncofhir.schemas.report import Report
from oncofhir.terminology.coding import codings

MOST_EVIDENCE = 3
# Without a malignancy of the patient's there is no tumour to have a site, a side or a size.
_OF_THE_TUMOR = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY, Kind.TUMOR_SIZE})
_SAYS_NOTHING = {"mx", "pmx", "cmx"}

Result = Finding | RejectedFinding


def interpret(
    report: Report,
    answers: tuple[Answer, ...],
    *,
    minimum_confidence: float = 0.0,
    minimums: Mapping[Kind, float] | None = None,
    inferred_diagnosis: bool = True,
) -> tuple[tuple[Finding, ...], tuple[RejectedFinding, ...]]:
    """The findings and what was rejected. Raises nothing, whatever the answers say.

    Below a kind's minimum, else below `minimum_confidence`, a finding is rejected.
    """
    least = dict.fromkeys(Kind, minimum_confidence) | dict(minimums or {})
    reading = Reading(report)
    claimed = candidates(answers)
    benign = without_malignancy(reading)
    phenotypes = [
        (0.0, rejected(candidate, benign))
        if benign is not None and candidate.kind in _OF_THE_TUMOR
        else _result(reading, candidate, least[candidate.kind])
        for candidate in claimed
        if candidate.kind is not Kind.DIAGNOSIS and candidate.value.lower() not in _SAYS_NOTHING
    ]
    # windows answer one after another: the weightier place goes first, not the earlier window
    results = [result for _, result in sorted(phenotypes, key=lambda p: p[0], reverse=True)]
    laterality = next((r.value for r in results if _is(r, Kind.TUMOR_LATERALITY)), None)
    for candidate in claimed:
        if candidate.kind is Kind.DIAGNOSIS:
            result = diagnose(reading, candidate, laterality)
            if (
                isinstance(result, Finding)
                and result.basis == "inferred"
                and not inferred_diagnosis
            ):
                continue
            results.append(_confident(result, least[candidate.kind]))
    findings = tuple(r for r in results if isinstance(r, Finding))
    return _one_a_slot(findings), tuple(r for r in results if isinstance(r, RejectedFinding))


def _is(result: Result, kind: Kind) -> bool:
    return isinstance(result, Finding) and result.kind is kind


def _result(reading: Reading, candidate: Candidate, minimum: float) -> tuple[float, Result]:
    """What a claim comes to, and the weight of the place that it rests on."""
    places = ground(reading, candidate)
    if not places:
        return 0.0, rejected(candidate, Rejection.UNGROUNDED)
    best = places[0]
    if best.assertion is not None:
        return 0.0, rejected(candidate, best.assertion, _quotes(reading, places[:1]))
    affirmed = [p for p in places if p.assertion is None]
    value = candidate.value
    if candidate.kind in {Kind.CANCER_STAGE, Kind.TUMOR_SITE}:
        value = best.mention.value
    number = best.mention.number
    if number is not None:
        value = f"{number:g} mm"
    finding = Finding(
        kind=candidate.kind,
        slot=candidate.slot,
        value=value,
        number=number,
        unit="mm" if number is not None else None,
        dimensions=best.mention.dimensions,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=_quotes(reading, affirmed[:MOST_EVIDENCE]),
        codings=codings(candidate.kind, candidate.slot, value),
        part=reading.part(best.mention.start),
    )
    return best.weight, _confident(finding, minimum)


def _quotes(reading: Reading, places: Iterable[Place]) -> tuple[Evidence, ...]:
    quotes = (reading.quote(p.mention.start, p.mention.end) for p in places)
    return tuple(dict.fromkeys(quote for quote in quotes if quote is not None))


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


def _confident(result: Result, minimum: float) -> Result:
    if isinstance(result, RejectedFinding):
        return result
    if result.confidence is None or result.confidence >= minimum:
        return result
    return RejectedFinding(
        kind=result.kind,
        slot=result.slot,
        value=result.value,
        raw=result.raw,
        reason=Rejection.LOW_CONFIDENCE,
        confidence=result.confidence,
        evidence=result.evidence,
        part=result.part,
    )


def _one_a_slot(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """One finding a kind, slot and part: the first, which is the most authoritative."""
    first: dict[tuple[Kind, str | None, str | None], Finding] = {}
    for finding in findings:
        if finding.evidence:
            first.setdefault((finding.kind, finding.slot, finding.part), finding)
    return tuple(first.values())
