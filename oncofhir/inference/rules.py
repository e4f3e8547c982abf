"""Transparent rules in the model's place: a baseline, and a fallback where a site has no GPU.

It answers the same questions with words of the report, chosen by place and pattern alone; its answers go
the same way as a model's. It gives no confidence.
"""

import re

from oncofhir.inference.interpretation.candidates import SEPARATOR
from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.interpretation.site_and_histology import (
    IN_SITU,
    NODES,
    NamedSite,
    histology,
    site,
)
from oncofhir.inference.interpretation.size_context import size_weight
from oncofhir.inference.interpretation.tumors import Tumors
from oncofhir.inference.mentions import Mention
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.extraction import Answer, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.report import Report
from oncofhir.terminology import TERMINOLOGY_VERSION
from oncofhir.terminology.sites import find_sites

VERSION = "3"
_NEAR = 60
# A numbered grade says more than words, a combined one more than the nuclei's alone.
_SCHEMES = {None: 1.5, "gleason": 3.0, "differentiation": 0.5, "level": 0.0, "nuclear": 0.0}
_WITHOUT_SIDES = frozenset(
    {
        "stomach", "esophagus", "gastroesophageal junction", "colon", "rectum",
        "rectosigmoid junction", "prostate", "bladder", "liver", "pancreas", "endometrium",
        "uterus", "cervix", "bile duct", "small intestine", "thymus",
    }
)  # fmt: skip
_PRECANCER = re.compile(
    r"dysplas|adenoma\b|hyperplas|\bpin\b|hepatitis|fibrosis|displas", re.IGNORECASE
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
        tumors = Tumors(reading)
        given = _given(reading)
        if tumors.several:
            said = [_given(_only(report, tumors.spans(t.label))) for t in tumors.several]
            given |= {question: _all_said(question, said, given) for question in given}
        return tuple(
            Answer(question=question, text=text, finish_reason="rule")
            for question, text in given.items()
            if text
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def _given(reading: Reading) -> dict[str, str]:
    """The answers by question; empty where the report does not say."""
    name = histology(reading)
    given = {
        "cancer stage": " ".join(_best_of_each_slot(reading, Kind.CANCER_STAGE)),
        "hormone receptor status": ". ".join(_best_of_each_slot(reading, Kind.HORMONE_RECEPTOR)),
    }
    if name:  # without a malignancy there is no tumour whose size or site it could be
        organ = site(reading, name)
        given |= {
            "tumor size": _best_size(reading),
            "tumor laterality": _laterality(reading, organ),
            "cancer grade": _best(reading, Kind.CANCER_GRADE),
            "histological type": name,
            "tumor site": organ.said if organ else "",
            "diagnosis": _diagnosis(name, organ),
        }
    return given


def _all_said(question: str, said: list[dict[str, str]], of_all: dict[str, str]) -> str:
    """What is said of each tumour, else of the report; the report's own answer goes first."""
    values = [given.get(question, "") for given in said]
    if any(of_all[question] in value for value in values):
        values = sorted(values, key=lambda value: value != of_all[question])
    else:
        values.insert(0, of_all[question])
    return SEPARATOR.join(dict.fromkeys(value for value in values if value))


def _only(report: Report, spans: tuple[tuple[int, int], ...]) -> Reading:
    """The report with nothing but these stretches in it, at their places."""
    text, position = [], 0
    for start, end in spans:
        text += [" " * (start - position), report.text[start:end]]
        position = end
    whole = "".join(text)
    return Reading(report.model_copy(update={"text": whole.ljust(len(report.text))}))


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
        company = bool(MALIGNANCY.search(sentence)) - bool(NODES.search(sentence))
        around = reading.text[max(0, mention.start - 20) : mention.end + 20]
        company -= bool(IN_SITU.search(around)) + 2 * bool(_PRECANCER.search(around))
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
    ignore = frozenset({Rejection.NEGATED, Rejection.UNCERTAIN})
    measured = [
        (m, size_weight(reading.text, m))
        for m in reading.mentions(Kind.TUMOR_SIZE)
        if reading.assertion(m.start, m.end, ignore) is None
    ]
    fitting = [
        (weight + reading.authority(m.start) / 2, m.number or 0.0, m)
        for m, weight in measured
        if weight > 0
    ]
    return _said(reading, max(fitting, key=lambda f: f[:2])[2]) if fitting else ""


def _laterality(reading: Reading, organ: NamedSite | None) -> str:
    """The side of an organ that has sides, nearest to its name before nearest to the malignancy."""
    if organ is not None and organ.name in _WITHOUT_SIDES:
        return ""
    fitting = []
    for number, mention in enumerate(_ranked(reading, Kind.TUMOR_LATERALITY)):
        around = reading.text[max(0, mention.start - _NEAR) : mention.end + _NEAR]
        beside = organ is not None and any(
            found.name == organ.name for found, _, _ in find_sites(around)
        )
        if beside or organ is not None or MALIGNANCY.search(around):
            distance = 0 if beside else 1 if MALIGNANCY.search(around) else 2
            fitting.append((distance, number, mention))
    return _said(reading, min(fitting, key=lambda f: f[:2])[2]) if fitting else ""


def _diagnosis(name: str, organ: NamedSite | None) -> str:
    if "melanoma" in name:
        return "melanoma"
    if organ is None or not organ.malignant or IN_SITU.search(name):
        return ""
    return f"{organ.name} cancer"
