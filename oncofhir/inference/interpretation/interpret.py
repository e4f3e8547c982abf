"""From answers to findings: a claim is written only as what a lesion of the report supports.

The rest with its reason.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from oncofhir.inference.interpretation.attributes import COMPLETED, completed, supported
from oncofhir.inference.interpretation.candidates import Candidate, candidates
from oncofhir.inference.interpretation.diagnosis import diagnoses, own_diagnosis
from oncofhir.inference.interpretation.phrases import (
    histologies,
    names_neoplasm,
    normal_name,
    own_histology,
    sites,
)
from oncofhir.inference.interpretation.results import Result, below, quotes, rejected
from oncofhir.inference.lesions.lesion_set import LesionSet
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Finding, Kind, RejectedFinding, Rejection
from oncofhir.schemas.lesion import Behaviour, Lesion
from oncofhir.schemas.report import Report

_METASTASIS = re.compile(r"\bmetasta(?:sis|ses|tic disease|tic involvement)\b", re.IGNORECASE)
_SAYS_NOTHING = {"mx", "pmx", "cmx"}


def interpret(
    report: Report,
    answers: tuple[Answer, ...],
    *,
    minimum_confidence: float = 0.0,
    minimums: Mapping[Kind, float] | None = None,
    inferred_diagnosis: bool = True,
) -> tuple[tuple[Finding, ...], tuple[RejectedFinding, ...]]:
    """The findings and what was rejected. Raises nothing, whatever the answers say.

    Below a kind's minimum, else below `minimum_confidence`, a finding is rejected. Where an answer names
    a value of a
    kind, what the report itself says of its lesions is written too: the categories and statuses that the
    answer lacks, and
    the value that the report has in place of one that it contradicts.
    """
    findings, rejected, _ = interpreted(
        report,
        answers,
        minimum_confidence=minimum_confidence,
        minimums=minimums,
        inferred_diagnosis=inferred_diagnosis,
    )
    return findings, rejected


def interpreted(
    report: Report,
    answers: tuple[Answer, ...],
    *,
    minimum_confidence: float = 0.0,
    minimums: Mapping[Kind, float] | None = None,
    inferred_diagnosis: bool = True,
) -> tuple[tuple[Finding, ...], tuple[RejectedFinding, ...], tuple[Lesion, ...]]:
    """As `interpret`, with the report's lesions."""
    least = dict.fromkeys(Kind, minimum_confidence) | dict(minimums or {})
    read = ReadReport(report)
    claimed = list(split_bilateral(candidates(answers), read.lesions))
    results = list(_results(read, claimed, inferred=inferred_diagnosis))
    held = [_confident(result, least) for result in results]
    findings = [r for r in held if isinstance(r, Finding)]
    findings += _completed(read, claimed, results)
    refused = tuple(r for r in held if isinstance(r, RejectedFinding))
    return (
        one_per_slot(_in_order(read, findings)),
        (*refused, *_untold(read, claimed), *_suspected(read, claimed, refused)),
        read.summaries.lesions(),
    )


def _untold(read: ReadReport, claimed: Sequence[Candidate]) -> Iterator[RejectedFinding]:
    """Further tumours that the report names, where histologies were claimed: nothing is lost in silence."""
    known = {normal_name(c.value) for c in claimed if c.kind is Kind.HISTOLOGICAL_TYPE}
    for entity in read.summaries.untold() if known else ():
        name = entity.neoplasm.name
        if normal_name(name) not in known:
            span = (entity.start, entity.neoplasm.end)
            claim = Candidate(kind=Kind.HISTOLOGICAL_TYPE, value=name, raw=name)
            yield rejected(claim, Rejection.AMBIGUOUS, quotes(read.index, [span]))


def _suspected(
    read: ReadReport, claimed: Sequence[Candidate], refused: Sequence[RejectedFinding]
) -> Iterator[RejectedFinding]:
    """Tumours that are suspected and that no claim names, where tumours were asked for."""
    if not any(c.kind in {Kind.HISTOLOGICAL_TYPE, Kind.DIAGNOSIS} for c in claimed):
        return
    quoted = [q for r in refused if r.reason is Rejection.UNCERTAIN for q in r.evidence]
    for name, start, end in _suspicions(read):
        if not any(quote.start <= start and end <= quote.end for quote in quoted):
            claim = Candidate(kind=Kind.DIAGNOSIS, value=name, raw=read.index.text[start:end])
            quote = quotes(read.index, [(start, end)])
            quoted += quote
            yield rejected(claim, Rejection.UNCERTAIN, quote)


def _suspicions(read: ReadReport) -> Iterator[tuple[str, int, int]]:
    """The name and place of suspected tumours, and of a metastasis that is suspected without a name."""
    for entity in read.summaries.suspected():
        name = entity.neoplasm.name
        is_spread = entity.behaviour is Behaviour.METASTATIC and "metasta" not in name
        yield f"metastatic {name}" if is_spread else name, entity.start, entity.neoplasm.end
    if not read.summaries.has_metastasis:
        for found in _METASTASIS.finditer(read.index.text):
            if read.index.rejection(*found.span()) is Rejection.UNCERTAIN:
                yield "metastasis", *found.span()
                return


def _results(read: ReadReport, claimed: Sequence[Candidate], *, inferred: bool) -> Iterator[Result]:
    for candidate in claimed:
        if candidate.value.lower() in _SAYS_NOTHING:
            continue
        if candidate.kind is Kind.DIAGNOSIS:
            yield from diagnoses(read, candidate, inferred=inferred)
        elif candidate.kind is Kind.HISTOLOGICAL_TYPE:
            yield from histologies(read, candidate)
        elif candidate.kind is Kind.TUMOR_SITE:
            yield from sites(read, candidate)
        else:
            yield from supported(read, candidate)


def _completed(
    read: ReadReport, claimed: Sequence[Candidate], results: Sequence[Result]
) -> Iterator[Finding]:
    """What the report says and no claim names.

    What was claimed and is too unsure is not written by this way. An answer about a report that orders a
    model
    around may have obeyed: nothing is made of it beyond what it claims.
    """
    if read.index.has_injection:
        return
    kinds = {claim.kind for claim in claimed if _is_of_its_kind(claim)}
    findings = [result for result in results if isinstance(result, Finding)]
    for kind in (k for k in Kind if k in kinds & COMPLETED):
        for finding in completed(read, kind, findings):
            if finding.value.lower() not in _SAYS_NOTHING:
                yield finding
    owned = {(f.kind, f.lesion) for f in findings}
    for summary in read.summaries.all:
        lesion = read.summaries.id_of(summary.label)
        for kind, own in ((Kind.HISTOLOGICAL_TYPE, own_histology), (Kind.DIAGNOSIS, own_diagnosis)):
            found = own(read, summary) if kind in kinds and (kind, lesion) not in owned else None
            if found is not None:
                yield found


def _is_of_its_kind(claim: Candidate) -> bool:
    """Whether a claim names what was asked for: a size with its unit, a neoplasm; not any words or number."""
    if claim.kind in {Kind.HISTOLOGICAL_TYPE, Kind.DIAGNOSIS}:
        return names_neoplasm(claim.value)
    return not claim.numbers


def _in_order(read: ReadReport, findings: Iterable[Finding]) -> list[Finding]:
    """The findings by the weight of their place, diagnoses last; as they come where places weigh the same."""
    return sorted(
        (f for f in findings if f.evidence),
        key=lambda f: (
            f.kind is Kind.DIAGNOSIS,
            -read.index.authority(f.evidence[0].start),
        ),
    )


def split_bilateral(claims: Iterable[Candidate], lesions: LesionSet) -> Iterator[Candidate]:
    """A claim of both sides, where each side has a tumour of its own, claims each side of one."""
    sides = [tumor.side for tumor in lesions.several if tumor.side]
    for claim in claims:
        if (claim.kind, claim.value) == (Kind.TUMOR_LATERALITY, "bilateral") and len(
            set(sides)
        ) > 1:
            yield from (claim.model_copy(update={"value": s}) for s in dict.fromkeys(sides))
        else:
            yield claim


def one_per_slot(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first finding of a kind and slot for each lesion; of no lesion only where none has one."""
    first: dict[tuple[Kind, str | None, str | None], Finding] = {}
    for finding in findings:
        first.setdefault((finding.kind, finding.slot, finding.lesion), finding)
    owned = {(kind, slot) for kind, slot, lesion in first if lesion is not None}
    return tuple(
        finding
        for (kind, slot, lesion), finding in first.items()
        if lesion is not None or (kind, slot) not in owned
    )


def _confident(result: Result, least: Mapping[Kind, float]) -> Result:
    if isinstance(result, RejectedFinding) or result.confidence is None:
        return result
    return result if result.confidence >= least[result.kind] else below(result)
