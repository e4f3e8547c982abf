"""A diagnosis is written as what a lesion supports, and never as more (design, promise 5).

Stated: the report's words join the malignancy to its organ, or name the tumour itself. Inferred: the
histology implies the
organ, or organ and malignancy stand in one sentence about one lesion without being joined. What a lesion
contradicts is rejected: an
invasive cancer for a carcinoma in situ, a primary of the organ that a metastasis sits in, another organ.
"""

import re
from collections.abc import Iterator

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.phrases import normal_name
from oncofhir.inference.interpretation.results import Result, quotes, rejected
from oncofhir.inference.lesions.entities import is_paired
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.inference.lesions.summary import Summary
from oncofhir.inference.mentions.neoplasm import neoplasms
from oncofhir.schemas.finding import Basis, Finding, Kind, RejectedFinding, Rejection
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.coding import diagnosis_codings
from oncofhir.terminology.qualifiers import with_location
from oncofhir.terminology.sites import find_sites

_IN_SITU = re.compile(
    r"in[ -]situ|intraductal|\bdcis\b|\blcis\b|non-?invasive|intramucosal|bowen"
    r"|lentigo maligna(?! melanoma)|\bpta\b|\bptis\b",
    re.IGNORECASE,
)
_METASTATIC = re.compile(r"metasta|secondary", re.IGNORECASE)
_GENERAL = frozenset(
    {
        "cancer",
        "carcinoma",
        "tumor",
        "neoplasm",
        "malignant",
        "malignancy",
        "of",
        "the",
        "left",
        "right",
        "bilateral",
        "primary",
        "invasive",
        "stage",
        "in",
        "lobe",
        "upper",
        "lower",
        "middle",
        "with",
        "and",
        "adenocarcinoma",
        "metastatic",
    }
)
_SAME_ORGAN = (
    frozenset({"colon", "rectosigmoid junction"}),
    frozenset({"rectum", "rectosigmoid junction"}),
    frozenset({"uterus", "endometrium"}),
    frozenset({"esophagus", "gastroesophageal junction"}),
    frozenset({"kidney", "renal pelvis"}),
)


def diagnoses(report: ReadReport, candidate: Candidate, *, inferred: bool) -> Iterator[Result]:
    """The diagnosis of each lesion that the claim names, else why it is none."""
    claim = _Claim(candidate)
    if not claim.is_diagnosis:
        yield _unsupported(report, candidate)
        return
    contradicted = False
    found: list[Result] = []
    exact = [s for s in report.summaries.all if _organs_of(s) & claim.organs]
    for summary in exact or report.summaries.all:
        basis = _basis(report, claim, summary)
        if basis is Basis.STATED or (basis is Basis.INFERRED and inferred):
            found.append(_finding(report, candidate, summary, candidate.value, basis))
        contradicted = contradicted or basis is None
    if found:
        yield from found
    elif contradicted and report.summaries.all:
        yield _contradicted(report, candidate, claim)
    else:
        yield _unsupported(report, candidate)


def _contradicted(report: ReadReport, candidate: Candidate, claim: "_Claim") -> RejectedFinding:
    """Rejected as contradicted where the report speaks of the claim at all, else as not grounded."""
    if not (claim.is_named_in(report) or _agrees(claim, report)):
        return rejected(candidate, Rejection.UNGROUNDED)
    lead = report.summaries.all[0].lead
    spans = [(lead.start, lead.neoplasm.end)]
    return rejected(candidate, Rejection.CONTRADICTED, quotes(report.index, spans))


def own_diagnosis(report: ReadReport, summary: Summary) -> Finding | None:
    """The diagnosis of a lesion in the report's own words; None where it joins no organ to it."""
    value = summary.diagnosis
    if not value:
        return None
    bare = Candidate(kind=Kind.DIAGNOSIS, value=value, raw=_words(report, summary))
    return _finding(report, bare, summary, value, Basis.STATED)


class _Claim:
    """What an answer claims: organs, tumour, behaviour."""

    def __init__(self, candidate: Candidate) -> None:
        self.value = candidate.value
        self.organs = {site.name for site, _, _ in find_sites(self.value)}
        self.names = [found.name for found in neoplasms(self.value)]
        self.is_in_situ = _IN_SITU.search(self.value) is not None
        self.is_metastatic = _METASTATIC.search(self.value) is not None
        words = set(normal_name(self.value).split()) - _GENERAL
        organ_words = {w for s, a, b in find_sites(self.value) for w in self.value[a:b].split()}
        self.histology = words - organ_words

    @property
    def is_diagnosis(self) -> bool:
        """Whether it names a neoplasm; any other words of the report are no diagnosis."""
        return bool(self.names) or self.is_metastatic

    def is_named_in(self, report: ReadReport) -> bool:
        """Whether the report has its words, outside of an order to a model."""
        places = report.index.positions(self.value)
        return any(not report.index.is_injected(start) for start, _ in places)


def _basis(report: ReadReport, claim: _Claim, summary: Summary) -> Basis | None:
    """How a lesion supports a claim; None where it does not."""
    known = set(normal_name(f"{summary.histology} {summary.lead.neoplasm.name}").split())
    sentence = _sentence(report, summary)
    if not _behaviour_agrees(claim, summary) or not _histology_agrees(
        report, claim, summary, known
    ):
        return None
    if claim.organs:
        return _basis_of_organ(report, claim, summary, sentence)
    stated = (
        claim.histology or summary.lead.neoplasm.is_generic or _is_verbatim(report, claim, summary)
    )
    return Basis.STATED if stated else None


def _basis_of_organ(
    report: ReadReport, claim: _Claim, summary: Summary, sentence: str
) -> Basis | None:
    """How a lesion supports the organ of a claim."""
    organs = _organs_of(summary)
    if any(_is_same(organ, claimed) for organ in organs for claimed in claim.organs):
        if len(claim.organs) > 1 and not _is_verbatim(report, claim, summary):
            return None
        is_named = any(site.name in claim.organs for site, _, _ in find_sites(report.index.text))
        return Basis.STATED if is_named else Basis.INFERRED
    if organs or (summary.behaviour is Behaviour.METASTATIC and not claim.is_metastatic):
        return None
    if summary.behaviour is Behaviour.METASTATIC:
        return Basis.STATED if summary.organ in claim.organs else None
    named = {site.name for site, _, _ in find_sites(sentence)}
    return Basis.INFERRED if named == claim.organs else None


def _organs_of(summary: Summary) -> set[str]:
    """The organs after which a diagnosis may call the lesion.

    Of a metastasis its origin, never where it sits.
    """
    if summary.behaviour is Behaviour.METASTATIC:
        return {summary.primary_organ} if summary.primary_organ else set()
    return {summary.organ} if summary.organ else set()


def _behaviour_agrees(claim: _Claim, summary: Summary) -> bool:
    """Whether both are in situ, or neither is."""
    return claim.is_in_situ == (summary.behaviour is Behaviour.IN_SITU)


def _histology_agrees(report: ReadReport, claim: _Claim, summary: Summary, known: set[str]) -> bool:
    """Whether what a claim says of the histology is what the report says of the lesion."""
    if "non" in known and "small" in claim.histology and "non" not in claim.histology:
        return False
    return claim.histology <= known or _is_verbatim(report, claim, summary)


def _is_same(one: str, other: str) -> bool:
    return one == other or any({one, other} <= group for group in _SAME_ORGAN)


def _is_verbatim(report: ReadReport, claim: _Claim, summary: Summary) -> bool:
    places = report.index.positions(claim.value)
    return any(
        report.index.rejection(*place) is None
        and (summary.label is None or report.lesions.at(place[0]) == summary.label)
        for place in places
    )


def _sentence(report: ReadReport, summary: Summary) -> str:
    start, end = report.index.sentence_at(summary.lead.start, summary.lead.neoplasm.end)
    return report.index.text[start:end]


def _agrees(claim: _Claim, report: ReadReport) -> bool:
    """Whether a lesion sits in a claimed organ, so that the report speaks of it and contradicts the claim."""
    organs = {s.organ for s in report.summaries.all} | {
        s.primary_organ for s in report.summaries.all
    }
    return bool(organs & claim.organs)


def _words(report: ReadReport, summary: Summary) -> str:
    lead = summary.lead
    return " ".join(report.index.report.text[lead.start : lead.neoplasm.end].split())


def _finding(
    report: ReadReport, candidate: Candidate, summary: Summary, value: str, basis: Basis
) -> Finding:
    lead = (summary.lead.start, summary.lead.neoplasm.end)
    spans = [lead]
    organ = summary.organ or summary.primary_organ
    if organ is not None:
        near = [
            (start, end)
            for site, start, end in find_sites(
                report.index.text[max(0, lead[0] - 200) : lead[1] + 100]
            )
            if _is_same(site.name, organ)
        ]
        shift = max(0, lead[0] - 200)
        if near:
            nearest = min(near, key=lambda s: abs(s[0] + shift - lead[0]))
            spans.append((nearest[0] + shift, nearest[1] + shift))
    evidence = quotes(report.index, spans)
    return Finding(
        kind=Kind.DIAGNOSIS,
        value=value,
        basis=basis,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=evidence,
        codings=diagnosis_codings(
            value,
            site=_site_with_place(report, summary),
            laterality=summary.side if is_paired(summary.organ) else None,
            gender=report.index.report.patient_gender,
            behaviour=summary.behaviour,
            organ=summary.organ,
        ),
        part=summary.label or report.index.part(lead[0]),
        lesion=report.summaries.id_of(summary.label),
    )


def _site_with_place(report: ReadReport, summary: Summary) -> str | None:
    """The site and its place in the organ, in the report's words."""
    if summary.site is None:
        return None
    lead = quotes(report.index, [(summary.lead.start, summary.lead.neoplasm.end)])
    located = with_location(summary.site.words, [q.text for q in lead], summary.side)
    return f"{located} {summary.site.part}" if summary.site.part else located


def _unsupported(report: ReadReport, candidate: Candidate) -> RejectedFinding:
    """Rejected with the reason that the report gives for the words, or for its malignancies."""
    places = list(report.index.positions(candidate.value)[:1])
    if not report.lesions.entities.all and not places:
        return rejected(candidate, Rejection.UNGROUNDED)
    reason = report.index.rejection(*places[0]) if places else None
    if reason is None:
        reason = report.lesions.without_malignancy()
        entity = next((e for e in report.lesions.entities.all if e.rejection is reason), None)
        places = [(entity.start, entity.neoplasm.end)] if entity else []
    if reason is None or reason is Rejection.UNGROUNDED:
        return rejected(candidate, Rejection.UNGROUNDED)
    return rejected(candidate, reason, quotes(report.index, places))
