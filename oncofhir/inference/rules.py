"""Transparent rules in the model's place: a baseline, and a fallback where a site has no GPU.

It answers the same questions with words of the report, chosen by place and pattern alone; its answers go
the same way as a model's. It gives no confidence.
"""

import re
from functools import cache

from oncofhir.inference.diagnosis import MALIGNANCY
from oncofhir.inference.evidence import Reading
from oncofhir.inference.measured import size_weight
from oncofhir.inference.mentions import Mention
from oncofhir.schemas.extraction import Answer, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.report import Report
from oncofhir.terminology import TERMINOLOGY_VERSION
from oncofhir.terminology.sites import find_sites
from oncofhir.terminology.tables import by_words

VERSION = "1"
_IN_SITU = re.compile(r"in[- ]situ|intraductal|dcis|lcis", re.IGNORECASE)
_OF_TUMOR = re.compile(
    r"tumou?r site|tumou?r location|primary site|site of (?:the )?tumou?r", re.IGNORECASE
)
_NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_NEAR = 60
# A numbered grade says more than words, a combined one more than the nuclei's alone.
_SCHEMES = {None: 1.5, "gleason": 3.0, "differentiation": 0.5, "level": 0.0, "nuclear": 0.0}
_PRECANCER = re.compile(
    r"dysplas|adenoma\b|hyperplas|\bpin\b|hepatitis|fibrosis|displas", re.IGNORECASE
)
_MODIFIERS = (
    r"(?:(?:invasive|infiltrating|malignant|poorly|moderately|well|high|low|clear|small|large|signet|ring|"
    r"grade|cell|type|acinar|ductal|lobular|mucinous|papillary|serous|endometrioid|squamous|urothelial|"
    r"hepatocellular|renal|basal|mixed|keratinizing|superficial|spreading|medullary|follicular|transitional|"
    r"chromophobe|adenoid|cystic|diffuse|b)[ -]+){0,5}"
)


class Rules:
    """Answers by rules."""

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return PromptSetIdentity(
            name="rules", version=VERSION, sha256=sha256_of(f"rules {VERSION}")
        )

    async def identify(self) -> ModelIdentity:
        digest = sha256_of(f"rules {VERSION} {TERMINOLOGY_VERSION}")
        return ModelIdentity(name="oncofhir-rules", digest=digest, server="in-process")

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        reading = Reading(report)
        given = {
            "tumor size": _best_size(reading),
            "tumor laterality": _best(reading, Kind.TUMOR_LATERALITY),
            "cancer grade": _best(reading, Kind.CANCER_GRADE),
            "cancer stage": " ".join(_best_of_each_slot(reading, Kind.CANCER_STAGE)),
            "hormone receptor status": ". ".join(
                _best_of_each_slot(reading, Kind.HORMONE_RECEPTOR)
            ),
            "histological type": _histology(reading),
            "tumor site": _site(reading)[1],
            "diagnosis": _diagnosis(reading),
        }
        return tuple(
            Answer(question=question, text=text, finish_reason="rule")
            for question, text in given.items()
            if text
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def _said(reading: Reading, mention: Mention) -> str:
    return " ".join(reading.text[mention.start : mention.end].split())


def _best(reading: Reading, kind: Kind) -> str:
    fitting = _ranked(reading, kind)
    return _said(reading, fitting[0]) if fitting else ""


def _ranked(reading: Reading, kind: Kind) -> list[Mention]:
    """Affirmed mentions, by place, by company (malignancy in the sentence), by how often it is said."""
    ignore = frozenset({Rejection.NEGATED, Rejection.UNCERTAIN})
    mentions = [
        m for m in reading.mentions(kind) if reading.assertion(m.start, m.end, ignore) is None
    ]
    counts = {key: sum(m.key == key for m in mentions) for key in {m.key for m in mentions}}

    def weight(mention: Mention) -> tuple[float, int]:
        start, end = reading.sentence_at(mention.start, mention.end)
        sentence = reading.text[max(0, start - _NEAR) : end]
        company = bool(MALIGNANCY.search(sentence)) - bool(_NODES.search(sentence))
        around = reading.text[max(0, mention.start - 20) : mention.end + 20]
        company -= bool(_IN_SITU.search(around)) + 2 * bool(_PRECANCER.search(around))
        rank = reading.authority(mention.start) + 2 * company + _SCHEMES.get(mention.scheme, 1.5)
        return (rank, counts[mention.key])

    return sorted(mentions, key=weight, reverse=True)


def _best_of_each_slot(reading: Reading, kind: Kind) -> list[str]:
    first: dict[str | None, Mention] = {}
    for mention in reading.mentions(kind):
        ignore = frozenset({Rejection.NEGATED, Rejection.UNCERTAIN, Rejection.HYPOTHETICAL})
        if reading.assertion(mention.start, mention.end, ignore) is None:
            known = first.get(mention.slot)
            if known is None or _place(reading, mention) > _place(reading, known):
                first[mention.slot] = mention
    if kind is Kind.HORMONE_RECEPTOR:
        return [f"{m.slot} {m.value}" for m in first.values()]
    return [m.value if slot != "group" else f"stage {m.value}" for slot, m in first.items()]


def _place(reading: Reading, mention: Mention) -> tuple[int, int]:
    return (reading.authority(mention.start), len(mention.value))


def _best_size(reading: Reading) -> str:
    measured = [(m, size_weight(reading.text, m)) for m in reading.mentions(Kind.TUMOR_SIZE)]
    fitting = [
        (weight + reading.authority(m.start) / 2, m.number or 0.0, m)
        for m, weight in measured
        if weight > 0
    ]
    return _said(reading, max(fitting, key=lambda f: f[:2])[2]) if fitting else ""


@cache
def _histologies() -> re.Pattern[str]:
    names = sorted(
        (w for w in by_words("histology") if MALIGNANCY.search(w)), key=len, reverse=True
    )
    listed = "|".join(re.escape(name).replace(r"\ ", r"[\s-]+") for name in names)
    return re.compile(rf"\b(?:{listed}|{_MODIFIERS}{MALIGNANCY.pattern[2:-2]})\b", re.IGNORECASE)


def _histology(reading: Reading) -> str:
    best: tuple[float, int, int, str] | None = None
    for match in _histologies().finditer(reading.text):
        start, end = reading.sentence_at(*match.span())
        name = " ".join(match[0].lower().split())
        if reading.assertion(*match.span()) is not None or name in {
            "cancer",
            "malignant",
            "malignancy",
        }:
            continue
        weight = reading.authority(match.start()) - 2.0 * bool(_IN_SITU.search(name))
        weight -= 2.0 * bool(_NODES.search(reading.text[start : match.start()]))
        rank = (weight, min(3, len(name.split())), -match.start(), name)
        best = rank if best is None or rank > best else best
    return best[3] if best else ""


def _site(reading: Reading) -> tuple[str, str]:
    """The site's name and the words for it: where "tumor site" says so, else near the malignancy."""
    best: tuple[float, int, str, str] | None = None
    for site, start, end in find_sites(reading.text):
        if reading.assertion(start, end, frozenset({Rejection.NEGATED})) is not None:
            continue
        before = reading.text[max(0, start - _NEAR) : start]
        after = reading.text[end : end + 2 * _NEAR]
        weight = float(reading.authority(start)) + 3.0 * bool(_OF_TUMOR.search(before))
        weight += bool(MALIGNANCY.search(after)) - bool(_NODES.search(before[-30:] + after[:15]))
        rank = (weight, -start, site.name, reading.text[start:end].lower())
        best = rank if best is None or rank > best else best
    return (best[2], best[3]) if best else ("", "")


def _diagnosis(reading: Reading) -> str:
    histology, (site, _) = _histology(reading), _site(reading)
    if "melanoma" in histology:
        return "melanoma"
    return f"{site} cancer" if site and histology and not _IN_SITU.search(histology) else ""
