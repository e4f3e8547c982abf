"""Whether a mention says that the patient has it now: negated, uncertain, hypothetical, historical, family.

After ConText (Harkema et al. 2009); the triggers are in `assertions.toml`.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.report import Section, SectionKind
from oncofhir.terminology.lowered import any_of, lowered

SCOPE = 100
_END = re.compile(
    r"(?<=[A-Za-z)\d])\.\s+(?=[A-Z(-])|[;\n]|\b(?:but|however|although)\b|[.:]\s(?=[-•])"
)
_ORDER = (
    Rejection.FAMILY,
    Rejection.UNCERTAIN,  # before hypothetical: "cannot rule out" holds "rule out"
    Rejection.HYPOTHETICAL,
    Rejection.NEGATED,
    Rejection.HISTORICAL,
)


@cache
def _data() -> dict[str, Any]:
    text = (
        files("oncofhir.inference.interpretation")
        .joinpath("assertions.toml")
        .read_text(encoding="utf-8")
    )
    return tomllib.loads(text)


@cache
def _pseudo() -> re.Pattern[str]:
    return _words(_data()["pseudo"])


@cache
def _triggers() -> dict[Rejection, tuple[re.Pattern[str], re.Pattern[str]]]:
    return {
        Rejection(entry["assertion"]): (_words(entry["before"]), _words(entry["after"]))
        for entry in _data()["trigger"]
    }


def _words(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(word.lower() for word in words)})(?!\w)")


def assertion(
    text: str,
    start: int,
    end: int,
    section: Section | None = None,
    *,
    ignore: frozenset[Rejection] = frozenset(),
) -> Rejection | None:
    """Why the mention at these offsets is no current finding of the patient; None when it is affirmed.

    `ignore` leaves assertions out of account: a receptor's "negative" is a value, not a negation.
    """
    if section is not None and section.kind is SectionKind.FAMILY_HISTORY:
        return Rejection.FAMILY
    before = _pseudo().sub(" ", lowered(_before(text, start)))
    after = lowered(_after(text, end))
    for kind in _ORDER:
        if kind in ignore:
            continue
        leading, trailing = _triggers()[kind]
        if leading.search(before) or trailing.search(after):
            return kind
    return None


def _before(text: str, start: int) -> str:
    first = max(0, start - SCOPE)
    # one character more: a sentence end is seen by the capital behind it
    ends = [match.end() for match in _END.finditer(text, first, start + 1) if match.end() <= start]
    return text[ends[-1] if ends else first : start]


def _after(text: str, end: int) -> str:
    window = text[end : end + SCOPE]
    found = _END.search(window)
    return window[: found.start()] if found else window
