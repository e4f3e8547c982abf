"""Finds a claimed value in the report, in whatever spelling, and picks the place that counts most."""

import re
from collections.abc import Iterable
from functools import lru_cache

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.interpretation.size_context import size_weight
from oncofhir.inference.mentions import Mention
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind, Rejection

MOST_PLACES = 4000
"""Of the places that say a value those in the weightiest sections, and of these the first, are looked at."""
_SAME_MM = 0.05
_JUST_BEFORE, _CLOSE_BEHIND = 40, 120  # characters
# A category of stage or a receptor's status cannot be negated; "negative" is a receptor's value.
_VALUES = frozenset({Rejection.NEGATED, Rejection.UNCERTAIN, Rejection.HYPOTHETICAL})
_STAGE_CORE = re.compile(r"^[a-z]*(?P<core>[TNM][^(]+|[0IVA-C123]+)")


class Place(Value):
    """A mention of the claimed value, and why it is no current finding (None: it is one)."""

    mention: Mention
    assertion: Rejection | None
    weight: float


def ground(reading: Reading, candidate: Candidate) -> list[Place]:
    """The places that say the claimed value, the weightiest first; none if it is not grounded."""
    if candidate.kind in {Kind.TUMOR_SITE, Kind.HISTOLOGICAL_TYPE, Kind.DIAGNOSIS}:
        mentions: Iterable[Mention] = (
            Mention(value=_value(reading, candidate, start, end), start=start, end=end)
            for start, end in reading.places(candidate.value)
        )
    else:
        mentions = (m for m in reading.mentions(candidate.kind) if says(m, candidate))
    said = list(mentions)
    if len(said) > MOST_PLACES:
        said.sort(key=lambda m: reading.authority(m.start), reverse=True)
    places = [_place(reading, candidate.kind, mention) for mention in said[:MOST_PLACES]]
    return sorted(places, key=lambda p: (p.assertion is None, p.weight), reverse=True)


def _value(reading: Reading, candidate: Candidate, start: int, end: int) -> str:
    """A site is named as the report names it (contract); a histology as the answer spells it."""
    if candidate.kind is not Kind.TUMOR_SITE:
        return candidate.value
    return " ".join(reading.text[start:end].lower().split())


def says(mention: Mention, candidate: Candidate) -> bool:
    """Whether a mention says what was claimed."""
    if mention.slot != candidate.slot:
        return False
    if candidate.kind is Kind.CANCER_STAGE:
        return core(mention.value) == core(candidate.value)
    if candidate.kind is Kind.TUMOR_SIZE:
        wanted = max(candidate.numbers) if candidate.numbers else _mm(candidate.value)
        scales = (1, 10) if candidate.numbers else (1,)
        longest = mention.number or 0.0
        return any(abs(longest - wanted * scale) < _SAME_MM for scale in scales)
    return mention.value == candidate.value


@lru_cache(maxsize=1024)
def core(stage: str) -> str:
    """A stage without prefix and suffix: "pT2" and "T2" say the same category."""
    match = _STAGE_CORE.match(stage)
    return match["core"].lower() if match else stage.lower()


def _mm(value: str) -> float:
    return float(value.removesuffix(" mm"))


def _place(reading: Reading, kind: Kind, mention: Mention) -> Place:
    ignore = _VALUES if kind in {Kind.CANCER_STAGE, Kind.HORMONE_RECEPTOR} else frozenset()
    if kind in {Kind.CANCER_GRADE, Kind.TUMOR_SIZE, Kind.TUMOR_LATERALITY, Kind.TUMOR_SITE}:
        ignore = frozenset({Rejection.NEGATED, Rejection.UNCERTAIN})
    reason = reading.assertion(mention.start, mention.end, ignore)
    weight = float(reading.authority(mention.start))
    if kind is Kind.TUMOR_SIZE:
        measured = size_weight(reading.text, mention)
        if measured < 0 and reason is None:
            reason = Rejection.AMBIGUOUS
        weight += measured
    if kind in {Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY} and _beside_malignancy(reading, mention):
        weight += 1.5  # a report names the healthy side and the organs taken along too
    if kind is Kind.CANCER_STAGE and re.match(r"y?p", mention.value):
        weight += 1  # pathologic before clinical
    return Place(mention=mention, assertion=reason, weight=weight)


def _beside_malignancy(reading: Reading, mention: Mention) -> bool:
    """Whether an affirmed malignancy is named close behind, or just before."""
    near = reading.malignancies_within(mention.start - _JUST_BEFORE, mention.end + _CLOSE_BEHIND)
    return any(reading.assertion(*place) is None for place in near)
