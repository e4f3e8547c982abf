"""Finds a claimed value among the facts of a report, in whatever spelling."""

import re
from functools import lru_cache

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.lesions.facts import Fact, Facts
from oncofhir.inference.mentions import Mention
from oncofhir.schemas.finding import Kind

_SAME_MM = 0.05
_STAGE_CORE = re.compile(r"^[a-z]*(?P<core>[TNM][^(]+|[0IVA-C123]+)")
_LEVELS = {"low": "1", "intermediate": "2", "high": "3"}


def ground(facts: Facts, candidate: Candidate) -> list[Fact]:
    """The facts that say the claimed value, affirmed ones and of these the weightiest first."""
    return [fact for fact in facts.of(candidate.kind) if matches(fact.mention, candidate)]


def matches(mention: Mention, candidate: Candidate) -> bool:
    """Whether a mention says what was claimed."""
    if mention.slot != candidate.slot:
        return False
    if candidate.kind is Kind.CANCER_STAGE:
        return stage_core(mention.value) == stage_core(candidate.value)
    if candidate.kind is Kind.TUMOR_SIZE:
        wanted = max(candidate.numbers) if candidate.numbers else _mm(candidate.value)
        scales = (1, 10) if candidate.numbers else (1,)
        longest = mention.number or 0.0
        return any(abs(longest - wanted * scale) < _SAME_MM for scale in scales)
    return mention.value == candidate.value


def cuts(candidate: Candidate, fact: Fact) -> bool:
    """Whether the claim is the report's value with its end cut off.

    "pT4" of "pT4b", "3" of a Gleason score is none.
    """
    if candidate.kind is not Kind.CANCER_STAGE or fact.mention.slot != candidate.slot:
        return False
    claimed, written = stage_core(candidate.value), stage_core(fact.mention.value)
    return written != claimed and written.startswith(claimed) and claimed[-1:].isdigit()


@lru_cache(maxsize=1024)
def stage_core(stage: str) -> str:
    """A stage without prefix and suffix: "pT2" and "T2" say the same category."""
    match = _STAGE_CORE.match(stage)
    return match["core"].lower() if match else stage.lower()


def _mm(value: str) -> float:
    return float(value.removesuffix(" mm"))
