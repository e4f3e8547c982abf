"""Support of claims in words: the histology and the site of a lesion."""

import re
from collections.abc import Iterator

from oncofhir.inference.interpretation.attributes import labels_of
from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.results import Result, quotes, rejected
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.inference.lesions.summary import Summary
from oncofhir.inference.mentions.neoplasm import neoplasms
from oncofhir.schemas.finding import Finding, Kind, Rejection
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.coding import codings
from oncofhir.terminology.sites import find_sites, site_of

MOST_PLACES = 400
_SAME = (
    ("infiltrating", "invasive"),
    ("infiltrative", "invasive"),
    ("tumour", "tumor"),
    ("leukaemia", "leukemia"),
    ("oesophag", "esophag"),
)
_IN_SITU = re.compile(
    r"in[ -]situ|intraductal|\bdcis\b|\blcis\b|non-?invasive|intramucosal|bowen|lentigo",
    re.IGNORECASE,
)
_SMALL = frozenset(
    {"of", "the", "with", "and", "type", "no", "special", "nos", "cell", "features", "grade", "in"}
)
_NAMED = re.compile(
    r"\b(?:small|large|clear|squamous|serous|mucinous|ductal|lobular|papillary|adeno\w*|neuroendocrine|melanoma|lymphoma|sarcoma|signet)\b"
)


def histologies(report: ReadReport, candidate: Candidate) -> Iterator[Result]:
    """The histology of each lesion that the claim names.

    In the most specific words that the report affirms.
    """
    claimed = normal_name(candidate.value)
    places = report.index.positions(candidate.value)[:MOST_PLACES]
    reasons = {place: report.index.rejection(*place) for place in places}
    affirmed = [place for place, reason in reasons.items() if reason is None]
    found = []
    for label in labels_of(report):
        summary = report.summaries.of(label)
        if summary is None or not summary.histology:
            continue
        own = [p for p in affirmed if label is None or report.lesions.at(p[0]) == label]
        if _says(claimed, normal_name(summary.histology)) and (own or not affirmed):
            found.append(_finding(report, candidate, summary, own))
        elif own and _is_more_specific(claimed, summary):
            found.append(_finding(report, candidate, summary, own, value=candidate.value))
    if found:
        yield from found
    elif affirmed and report.summaries.all:
        yield rejected(candidate, Rejection.CONTRADICTED, quotes(report.index, affirmed[:1]))
    elif affirmed and not report.lesions.entities.all and _NAMED.search(claimed):
        yield _bare(report, candidate, affirmed)
    elif affirmed:
        reason = report.lesions.without_malignancy() or Rejection.UNGROUNDED
        yield rejected(candidate, reason)
    elif places:
        reason = reasons[places[0]] or Rejection.UNGROUNDED
        yield rejected(candidate, reason, quotes(report.index, places[:1]))
    else:
        yield rejected(candidate, Rejection.UNGROUNDED)


def normal_name(name: str) -> str:
    """A histology in one spelling: invasive for infiltrating, American spelling."""
    words = name.lower()
    for one, other in _SAME:
        words = words.replace(one, other)
    return " ".join(re.sub(r"[^\w ]", " ", words).split())


def _says(claimed: str, known: str) -> bool:
    """Whether a claim says the lesion's histology, or less of it.

    "carcinoma" of an "invasive ductal carcinoma".

    Less is no other thing: "small cell carcinoma" does not say a "non small cell carcinoma".
    """
    if claimed == known:
        return True
    if ("non" in claimed.split()) != ("non" in known.split()):
        return False
    if bool(_IN_SITU.search(claimed)) != bool(_IN_SITU.search(known)):
        return False
    wanted = set(claimed.split()) - _SMALL
    return bool(wanted) and wanted <= set(known.split())


def _is_more_specific(claimed: str, summary: Summary) -> bool:
    """Whether a claim that the report affirms names the lesion with more words than the summary has."""
    known = set(normal_name(summary.histology).split()) - _SMALL
    words = set(claimed.split()) - _SMALL
    if bool(_IN_SITU.search(claimed)) != (summary.behaviour is Behaviour.IN_SITU):
        return False
    if "non" in known or "non" in words:
        return known <= words
    general = {"carcinoma", "invasive", "adenocarcinoma", "tumor", "malignant", "neoplasm"}
    return known <= words or known - general <= words - general


def _finding(
    report: ReadReport,
    candidate: Candidate,
    summary: Summary,
    places: list[tuple[int, int]],
    *,
    value: str | None = None,
) -> Finding:
    lead = (summary.lead.start, summary.lead.neoplasm.end)
    words = value or summary.histology
    spans = places[:3] if value else [lead, *(p for p in places if p != lead)][:3]
    return Finding(
        kind=Kind.HISTOLOGICAL_TYPE,
        value=words,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=quotes(report.index, spans),
        codings=codings(Kind.HISTOLOGICAL_TYPE, None, words),
        part=summary.label or report.index.part(spans[0][0]),
        lesion=report.summaries.id_of(summary.label),
    )


def own_histology(report: ReadReport, summary: Summary) -> Finding | None:
    """The histology of a lesion in the report's own words; None where it has none."""
    if not summary.histology:
        return None
    lead = summary.lead
    words = " ".join(report.index.report.text[lead.start : lead.neoplasm.end].split())
    claim = Candidate(kind=Kind.HISTOLOGICAL_TYPE, value=summary.histology, raw=words)
    return _finding(report, claim, summary, [])


def _bare(report: ReadReport, candidate: Candidate, places: list[tuple[int, int]]) -> Finding:
    """A histology that the report affirms in words that name no malignancy by themselves."""
    return Finding(
        kind=Kind.HISTOLOGICAL_TYPE,
        value=candidate.value,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=quotes(report.index, places[:3]),
        codings=codings(Kind.HISTOLOGICAL_TYPE, None, candidate.value),
        part=report.index.part(places[0][0]),
    )


def sites(report: ReadReport, candidate: Candidate) -> Iterator[Result]:
    """The site of each lesion that the claim names, in the report's words."""
    absent = report.lesions.without_malignancy()
    if absent is not None:
        yield rejected(candidate, absent)
        return
    places = [
        (start, end)
        for start, end in report.index.positions(candidate.value)[:MOST_PLACES]
        if report.index.rejection(start, end) in {None, Rejection.NEGATED, Rejection.UNCERTAIN}
    ]
    if not places:
        reasons = [report.index.rejection(*p) for p in report.index.positions(candidate.value)[:1]]
        yield rejected(candidate, (reasons[0] if reasons else None) or Rejection.UNGROUNDED)
        return
    claimed = {site.name for site, _, _ in find_sites(candidate.value)}
    found = []
    for summary in report.summaries.all:
        own = [
            p for p in places if summary.label is None or report.lesions.at(p[0]) == summary.label
        ]
        organ = summary.organ or (summary.site.name if summary.site else None)
        if own and (not claimed or organ is None or organ in claimed or _is_parent(claimed, organ)):
            found.append(_site_finding(report, candidate, summary, own))
    if found:
        yield from found
    else:
        yield rejected(candidate, Rejection.CONTRADICTED, quotes(report.index, places[:1]))


def _is_parent(claimed: set[str], organ: str) -> bool:
    """Whether one of the claimed organs holds or borders the lesion's so that both name the place."""
    related = (
        {"colon", "rectum", "rectosigmoid junction", "appendix"},
        {"uterus", "endometrium"},
        {"esophagus", "gastroesophageal junction", "stomach"},
        {"kidney", "renal pelvis"},
        {"pharynx", "tongue", "oral cavity", "larynx"},
        {"skin", "soft tissue", "oral cavity", "eye", "bone", "breast"},
        {"uterus", "cervix"},
        {"ovary", "fallopian tube", "peritoneum"},
        {"lung", "pleura"},
        {"liver", "bile duct"},
    )
    return any(organ in group and claimed & group for group in related)


def _site_finding(
    report: ReadReport,
    candidate: Candidate,
    summary: Summary,
    places: list[tuple[int, int]],
) -> Finding:
    places = sorted(places, key=lambda p: _nearness(report, p), reverse=True)
    start, end = places[0]
    words = " ".join(report.index.report.text[start:end].lower().split())
    site = summary.site
    if site is not None and site.part is not None and words == site.name != site.words:
        # The claim names the organ and the report the part of it that the tumor is in.
        narrower = list(report.index.positions(site.words)[:MOST_PLACES])
        if narrower:
            words, places = site.words, sorted(narrower, key=lambda p: -_nearness(report, p))
    return Finding(
        kind=Kind.TUMOR_SITE,
        value=words,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=quotes(report.index, places[:3]),
        codings=codings(Kind.TUMOR_SITE, None, words),
        part=summary.label or report.index.part(start),
        lesion=report.summaries.id_of(summary.label),
    )


def _nearness(report: ReadReport, place: tuple[int, int]) -> float:
    """How much a place counts.

    Its section, and whether a current malignancy is named close behind or just before.
    """
    near = report.index.malignancies_within(place[0] - 40, place[1] + 120)
    has_accepted = any(report.index.rejection(*found) is None for found in near)
    return report.index.authority(place[0]) + 1.5 * has_accepted


def names_neoplasm(words: str) -> bool:
    """Whether words name a malignant or in-situ neoplasm."""
    return next(iter(neoplasms(words)), None) is not None


__all__ = ["histologies", "names_neoplasm", "site_of", "sites"]
