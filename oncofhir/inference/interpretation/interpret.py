"""From answers to findings: claimed, grounded in the report, affirmed, coded; the rest with its reason."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from oncofhir.inference.interpretation.candidates import Candidate, candidates
from oncofhir.inference.interpretation.diagnosis import Where, diagnose, without_malignancy
from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.interpretation.grounding import Place, ground
from oncofhir.inference.interpretation.slot_conflicts import apart, one_a_slot
from oncofhir.inference.interpretation.tumors import Tumors
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Basis, Evidence, Finding, Kind, RejectedFinding, Rejection
from oncofhir.schemas.report import Report
from oncofhir.terminology.coding import codings
from oncofhir.terminology.qualifiers import with_place

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
    tumors = Tumors(reading)
    claimed = apart(candidates(answers), tumors)
    benign = without_malignancy(reading)
    weighed: list[tuple[float, Result]] = []
    for candidate in claimed:
        if candidate.kind is Kind.DIAGNOSIS or candidate.value.lower() in _SAYS_NOTHING:
            continue
        if benign is not None and candidate.kind in _OF_THE_TUMOR:
            weighed.append((0.0, rejected(candidate, benign)))
        else:
            weighed += _results(reading, tumors, candidate, least[candidate.kind])
    # windows answer one after another: the weightier place goes first, not the earlier window
    results = [result for _, result in sorted(weighed, key=lambda p: p[0], reverse=True)]
    for candidate in claimed:
        if candidate.kind is Kind.DIAGNOSIS:
            results += [
                _confident(result, least[candidate.kind])
                for result in _diagnoses(reading, tumors, candidate, results)
                if isinstance(result, RejectedFinding)
                or result.basis is not Basis.INFERRED
                or inferred_diagnosis
            ]
    findings = tuple(r for r in results if isinstance(r, Finding))
    return one_a_slot(findings, tumors), tuple(r for r in results if isinstance(r, RejectedFinding))


def _diagnoses(
    reading: Reading, tumors: Tumors, candidate: Candidate, results: Sequence[Result]
) -> list[Result]:
    """The diagnosis of each tumour under whose heading it stands, else of the report."""
    found: list[Result] = []
    for tumor in tumors.several:
        own = [r for r in results if isinstance(r, Finding) and r.part == tumor.label]
        where = Where(site=_site_of(own, tumor.side), side=tumor.side)
        within = partial(_is_of, tumors=tumors, label=tumor.label)
        result = diagnose(reading, candidate, where, within)
        if isinstance(result, Finding):
            found.append(result.model_copy(update={"part": tumor.label}))
    if found:
        return found
    of_all = [r for r in results if isinstance(r, Finding)]
    side = _value_of(of_all, Kind.TUMOR_LATERALITY)
    where = Where(site=_site_of(of_all, side), side=side)
    return [diagnose(reading, candidate, where)]


def _site_of(findings: Iterable[Finding], side: str | None) -> str | None:
    """The site and its place in the organ."""
    site = next((finding for finding in findings if finding.kind is Kind.TUMOR_SITE), None)
    return with_place(site.value, [q.text for q in site.evidence], side) if site else None


def _value_of(findings: Iterable[Finding], kind: Kind) -> str | None:
    return next((finding.value for finding in findings if finding.kind is kind), None)


def _is_of(offset: int, *, tumors: Tumors, label: str) -> bool:
    return tumors.at(offset) == label


def _results(
    reading: Reading, tumors: Tumors, candidate: Candidate, minimum: float
) -> list[tuple[float, Result]]:
    """What a claim comes to, once for each tumour of which the report says it, with the places' weights."""
    places = ground(reading, candidate)
    if not places:
        return [(0.0, rejected(candidate, Rejection.UNGROUNDED))]
    if places[0].assertion is not None:
        return [(0.0, rejected(candidate, places[0].assertion, _quotes(reading, places[:1])))]
    by_tumor: dict[str | None, list[Place]] = {}
    for place in places:
        if place.assertion is None:
            by_tumor.setdefault(tumors.at(place.mention.start), []).append(place)
    if not tumors.several:
        by_tumor = {None: [place for place in places if place.assertion is None]}
    elif len(by_tumor) > 1:
        by_tumor.pop(None, None)  # what the report says of no tumour in particular adds nothing
    return [
        (affirmed[0].weight, _confident(_finding(reading, candidate, affirmed, label), minimum))
        for label, affirmed in by_tumor.items()
    ]


def _finding(
    reading: Reading, candidate: Candidate, places: list[Place], tumor: str | None
) -> Finding:
    best = places[0]
    value = candidate.value
    if candidate.kind in {Kind.CANCER_STAGE, Kind.TUMOR_SITE}:
        value = best.mention.value
    number = best.mention.number
    if number is not None:
        value = f"{number:g} mm"
    return Finding(
        kind=candidate.kind,
        slot=candidate.slot,
        value=value,
        number=number,
        unit="mm" if number is not None else None,
        dimensions=best.mention.dimensions,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=_quotes(reading, places[:MOST_EVIDENCE]),
        codings=codings(candidate.kind, candidate.slot, value),
        part=tumor or reading.part(best.mention.start),
    )


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
