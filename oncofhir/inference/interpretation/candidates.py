"""From the words of an answer to the values it claims, by kind and slot."""

import re

from oncofhir.inference.interpretation.short_answers import mentions, phrase
from oncofhir.inference.lesions.units import MOST_TUMORS
from oncofhir.inference.mentions import FINDERS
from oncofhir.inference.mentions.receptor import named, statuses
from oncofhir.inference.mentions.size import sizes_without_unit
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Kind

RECEPTOR_TYPE = "hormone receptor type"
RECEPTOR_STATUS = "hormone receptor status"
QUESTION_KINDS = {
    "tumor size": Kind.TUMOR_SIZE,
    "tumor site": Kind.TUMOR_SITE,
    "tumor laterality": Kind.TUMOR_LATERALITY,
    "histological type": Kind.HISTOLOGICAL_TYPE,
    "cancer grade": Kind.CANCER_GRADE,
    "cancer stage": Kind.CANCER_STAGE,
    RECEPTOR_STATUS: Kind.HORMONE_RECEPTOR,
    "diagnosis": Kind.DIAGNOSIS,
}
_ABSTAINS = re.compile(
    r"^\W*(?:not (?:mentioned|stated|specified|given|available|applicable|provided|found|reported)\b.*"
    r"|none|unknown|n/?a|no information.*|no)?\W*$",
    re.IGNORECASE | re.DOTALL,
)
SEPARATOR = "; "
"""Between the names of several tumours in one answer."""
_LONGEST_PHRASE = 120
_LONGEST_ANSWER = 400
_NOT_OF_A_NAME = re.compile(
    r"[{}\[\]<>|\\]|\b(?:what|question|instruction|response)\b", re.IGNORECASE
)


class Candidate(Value):
    """A value that an answer claims. `numbers` are a size without a unit; `raw` the answer's words."""

    kind: Kind
    slot: str | None = None
    value: str
    raw: str
    numbers: tuple[float, ...] = ()
    confidence: float | None = None


def abstains(answer: str) -> bool:
    """Whether an answer says that the report does not say."""
    return bool(_ABSTAINS.match(answer[:_LONGEST_ANSWER]))


def candidates(answers: tuple[Answer, ...]) -> list[Candidate]:
    """What the answers to a report's questions claim; nothing for answers that abstain or say nothing."""
    types = next((a.text for a in answers if a.question == RECEPTOR_TYPE), "")
    found: list[Candidate] = []
    for answer in answers:
        kind = QUESTION_KINDS.get(answer.question)
        if kind is not None and not abstains(answer.text):
            found += _claimed(kind, answer, types)
    return list({(c.kind, c.slot, c.value): c for c in reversed(found)}.values())[::-1]


def _claimed(kind: Kind, answer: Answer, types: str) -> list[Candidate]:
    text = answer.text[:_LONGEST_ANSWER]
    if kind is Kind.HORMONE_RECEPTOR:
        pairs = [(m.slot, m.value) for m in FINDERS[kind](text)] or _paired(types, text)
        return [_candidate(kind, answer, value, slot=slot) for slot, value in pairs]
    if kind in FINDERS:
        claimed = [_candidate(kind, answer, m.value, slot=m.slot) for m in mentions(kind, text)]
        if kind is Kind.TUMOR_SIZE and not claimed:
            claimed = [
                _candidate(kind, answer, f"{max(numbers):g}", numbers=numbers)
                for numbers in sizes_without_unit(text)
            ]
        if kind is Kind.TUMOR_SIZE:
            return claimed[:MOST_TUMORS]
        return claimed
    return _phrases(kind, answer)


def _paired(types: str, states: str) -> list[tuple[str, str]]:
    """Types and statuses in two answers ("ER, PR" and "positive, negative") pair off if as many."""
    names, values = named(types), statuses(states)
    if len(values) == 1:
        values = values * len(names)
    return list(zip(names, values, strict=True)) if len(names) == len(values) else []


def _phrases(kind: Kind, answer: Answer) -> list[Candidate]:
    named = phrase(answer.text[: 2 * _LONGEST_ANSWER]).split(SEPARATOR.strip())
    return [
        _candidate(kind, answer, words.lower())
        for words in map(str.strip, named[:MOST_TUMORS])
        if _is_name(words)
    ]


def _is_name(words: str) -> bool:
    return not (
        not re.search(r"[^\W\d]{3}", words)
        or len(words) > _LONGEST_PHRASE
        or abstains(words)
        or _NOT_OF_A_NAME.search(words)
    )


def _candidate(
    kind: Kind,
    answer: Answer,
    value: str,
    *,
    slot: str | None = None,
    numbers: tuple[float, ...] = (),
) -> Candidate:
    return Candidate(
        kind=kind,
        slot=slot,
        value=value,
        raw=answer.text[:_LONGEST_ANSWER],
        numbers=numbers,
        confidence=answer.confidence,
    )
