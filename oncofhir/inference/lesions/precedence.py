"""Which of several values of a lesion counts.

A later word over a corrected one is context. Then the final diagnosis goes before the gross description
and the history (`ReportIndex.authority`), a resection before a biopsy, in situ hybridisation before a
stain, pathologic before clinical; then the largest invasive focus (CAP Breast Invasive protocol 4.9,
"Tumor Size") and the worst grade (SEER Grade Coding Instructions 3.0: the highest grade).
"""

import re

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.entities import is_paired
from oncofhir.inference.mentions import Mention
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.finding import Kind
from oncofhir.terminology.sites import find_sites

_NEAR = 60
_JOINED = 2
"""Characters between a side and its organ: "left breast", "breast, left"."""
_IN_SITU = re.compile(r"in[- ]situ|intraductal|dcis|lcis", re.IGNORECASE)
_NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_PRECANCER = re.compile(
    r"dysplas|adenoma\b|hyperplas|\bpin\b|hepatitis|fibrosis|displas", re.IGNORECASE
)
# A numbered grade says more than words, a combined one more than the nuclei's alone.
_SCHEMES = {
    None: 1.5,
    "gleason": 3.0,
    "nottingham": 2.0,
    "differentiation": 0.5,
    "level": 0.0,
    "nuclear": 0.0,
    "cytologic": 0.0,
    "architectural": 0.0,
    "grade-group": -3.0,
}
_BIOPSY = re.compile(
    r"\b(?:core|needle|outside|prior|initial)?[ -]?(?:biops(?:y|ies)|core needle|fna)\b",
    re.IGNORECASE,
)
_RESECTION = re.compile(r"excision|resection|ectomy|resected", re.IGNORECASE)
_IMAGING = re.compile(
    r"\b(?:imaging|ultrasound|sonograph\w*|mri|ct|mammogra\w*|us|pet|radiolog\w*)\b", re.IGNORECASE
)
_NOW = re.compile(
    r"\b(?:now|current(?:ly)?|final|today'?s?|restaged|upstaged|updated|on re-?review)\b",
    re.IGNORECASE,
)
# What an earlier specimen said gives way to what is said of this one.
_PER_PRIOR = re.compile(
    r"\bper (?:the )?(?:prior|previous|outside|earlier)\b|\b(?:on|in|from) (?:the )?(?:prior|previous"
    r"|outside) ",
    re.IGNORECASE,
)
_GLEASON = re.compile(r"([1-5])\+([1-5])")
_GRADE_ORDER = {"1": 1, "2": 2, "3": 3, "4": 4, "low": 1, "intermediate": 2, "high": 3}

Rank = tuple[float, float, float]


def rank(index: ReportIndex, kind: Kind, mention: Mention, weight: float, count: int) -> Rank:
    """How much a mention counts; of two the greater one does.

    `weight` is how surely a size is the tumour's, `count` how often the report says the value.
    """
    first, last = index.clause_at(mention.start)
    clause = index.text[max(first, mention.start - 120) : min(last, mention.end + 60)]
    authority = _authority(index, kind, mention, clause)
    if kind is Kind.TUMOR_SIZE:
        imaging = 1.0 if _IMAGING.search(clause) else 0.0
        return (weight + authority / 2 - imaging, mention.number or 0.0, -mention.start)
    if kind is Kind.CANCER_GRADE:
        return _rank_of_grade(index, mention, authority, count)
    if kind is Kind.CANCER_STAGE:
        pathologic = 1.0 if re.match(r"[ar]?y?p", mention.value) else 0.0
        after_therapy = 0.5 if re.match(r"[ar]?y", mention.value) else 0.0
        return (
            authority + pathologic + after_therapy,
            float(len(mention.value)),
            -mention.start,
        )
    if kind is Kind.HORMONE_RECEPTOR:
        definite = 3.0 if mention.scheme == "fish" and mention.value != "equivocal" else 0.0
        unsure = 0.5 if mention.value == "equivocal" else 0.0
        return (authority + definite - unsure, 0.0, -mention.start)
    return (_rank_of_side(index, mention, authority), float(count), -mention.start)


def _authority(index: ReportIndex, kind: Kind, mention: Mention, clause: str) -> float:
    """The section's authority; more for what holds now, less for an earlier specimen or a biopsy."""
    authority = float(index.authority(mention.start)) + 1.5 * bool(_NOW.search(clause))
    authority -= 4.0 * bool(_PER_PRIOR.search(clause))
    if kind in {Kind.CANCER_GRADE, Kind.TUMOR_SIZE}:
        first, last = index.clause_at(mention.start)
        near = index.text[max(first, mention.start - 60) : min(last, mention.end + 30)]
        authority -= bool(_BIOPSY.search(near)) and not _RESECTION.search(near)
    return authority


def _rank_of_grade(index: ReportIndex, mention: Mention, authority: float, count: int) -> Rank:
    start, end = index.sentence_at(mention.start, mention.end)
    sentence = index.text[max(0, start - _NEAR) : end]
    company = bool(MALIGNANCY.search(sentence)) - bool(_NODES.search(sentence))
    around = index.text[max(0, mention.start - 20) : mention.end + 20]
    company -= bool(_IN_SITU.search(around)) + 2 * bool(_PRECANCER.search(around))
    rank = authority + 2 * company + _SCHEMES.get(mention.scheme, 1.5)
    if mention.scheme == "gleason" and (score := _GLEASON.match(mention.value)):
        # SEER: the highest; of equal sums that with the greater primary pattern
        first, second = int(score[1]), int(score[2])
        return (rank, float(10 * (first + second) + first), float(count))
    return (rank, float(count), float(_GRADE_ORDER.get(mention.value, 0)))


def _rank_of_side(index: ReportIndex, mention: Mention, authority: float) -> float:
    start, end = index.sentence_at(mention.start, mention.end)
    sentence = index.text[max(0, start - _NEAR) : end]
    company = bool(MALIGNANCY.search(sentence)) - bool(_NODES.search(sentence))
    around = index.text[max(0, mention.start - _NEAR) : mention.end + _NEAR]
    begins = mention.start - max(0, mention.start - _NEAR)
    ends = begins + mention.end - mention.start
    organs = [(a, b) for site, a, b in find_sites(around) if is_paired(site.name)]
    joined = any(0 <= a - ends <= _JOINED or 0 <= begins - b <= _JOINED for a, b in organs)
    return authority + 2 * company + 2 * bool(organs) + joined
