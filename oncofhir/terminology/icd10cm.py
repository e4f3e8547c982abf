"""ICD-10-CM: the category of an organ, its part or a disease, and in it the code of a side, sex and state.

The categories are in `icd10cm.toml`, the codes and displays in `data/icd10cm.json`. Where the words name
several parts, and where a code depends on a sex that is not known, there is no code.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Coding
from oncofhir.terminology.tables import coding, concepts

# Words of which a place has one of each group: "upper and lower lobe" is no single part.
_ONE_OF = (
    frozenset({"upper", "middle", "lower"}),
    frozenset({"inner", "outer"}),
    frozenset({"anterior", "posterior"}),
)
_SIDE = re.compile(r"\b(right|left|bilateral)\b")
_SEX = re.compile(r"\b(female|male)\b")
_LEVEL = re.compile(r"\b(upper|lower) eyelid")
_STATE = re.compile(r"(not having achieved remission|in remission|in relapse)")


class Row(Value):
    """A billable code and what its display distinguishes: side, sex, eyelid, state of remission."""

    code: Coding
    side: str | None
    sex: str | None
    level: str | None
    state: str | None


@cache
def _rows() -> tuple[Row, ...]:
    return tuple(_row(concept) for concept in concepts("icd10cm"))


def _row(concept: dict[str, Any]) -> Row:
    display = concept["display"].lower()
    found = [pattern.search(display) for pattern in (_SIDE, _SEX, _LEVEL, _STATE)]
    side, sex, level, state = (match[1] if match else None for match in found)
    return Row(code=coding(concept), side=side, sex=sex, level=level, state=state)


@cache
def _under(category: str) -> tuple[Row, ...]:
    return tuple(row for row in _rows() if row.code.code.startswith(category))


@cache
def _categories() -> dict[str, Any]:
    text = files("oncofhir.terminology").joinpath("icd10cm.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def code_of(
    category: str, laterality: str | None = None, gender: str | None = None, place: str = ""
) -> Coding | None:
    """The one code of a category for a side and a FHIR administrative gender; None where several stay.

    A disease whose remission is not stated has the code for none achieved, which includes "NOS".
    """
    rows = [row for row in _under(category) if row.sex in {None, gender}]
    if any(row.state for row in rows):
        rows = [row for row in rows if row.state == "not having achieved remission"]
    said = set(_plain(place).split())
    rows = [row for row in rows if row.level is None or row.level in said]
    of_side = [row for row in rows if row.side == laterality and laterality is not None]
    fitting = of_side or [row for row in rows if row.side is None]
    if len(fitting) > 1:
        fitting = [row for row in fitting if "unspecified" in (row.code.display or "").lower()]
    return fitting[0].code if len(fitting) == 1 else None


def category_of(table: str, site: str | None, said: Iterable[str] = ()) -> str | None:
    """The category that a table of `icd10cm.toml` has for a site and the words of the place in it.

    A site that the table does not list has its row "any", no site its row "none", then "any".
    """
    rows = _categories().get(table, {})
    found = rows.get(site) if site is not None else rows.get("none")
    parts = found or rows.get("any")
    return _part(parts, " ".join(said)) if parts else None


def parts_named(site: str, words: str) -> frozenset[str]:
    """The categories of a primary cancer in the parts of a site that words name; empty for no part."""
    return _named(_categories()["primary"].get(site, {}), words)


def has_table(name: str) -> bool:
    """Whether `icd10cm.toml` has a table of this name."""
    return name in _categories()


def lymphoma_site_character(said: Iterable[str]) -> str:
    """The character for where a lymphoma is; that of no place where the words name none or several."""
    return _part(_categories()["lymphoma-places"], " ".join(said)) or "0"


def _part(parts: dict[str, Sequence[str]], said: str) -> str | None:
    """The category of the one part that is said, else that of the whole; None where it has none."""
    whole = next((category for category, words in parts.items() if not words), None)
    named = _named(parts, said)
    return next(iter(named)) if len(named) == 1 else whole


def _named(parts: dict[str, Sequence[str]], said: str) -> frozenset[str]:
    """The categories of the parts that are said; all where the words exclude each other."""
    plain = _plain(said)
    if any(len(words & set(plain.split())) > 1 for words in _ONE_OF):
        return frozenset(parts)
    named = [c for c, words in parts.items() if any(_holds(plain, word) for word in words)]
    if len(named) > 1:
        # "lower lip, inner aspect": the longer words say more, if they hold the others
        named = [c for c in named if _covers(parts, c, named, plain)] or named
    return frozenset(named)


def _covers(parts: dict[str, Sequence[str]], one: str, others: Sequence[str], plain: str) -> bool:
    own = [word for word in parts[one] if _holds(plain, word)]
    rest = [word for c in others if c != one for word in parts[c] if _holds(plain, word)]
    return all(any(_holds(mine, word) and mine != word for mine in own) for word in rest)


def _plain(said: str) -> str:
    return " ".join(re.sub(r"[\W_]", " ", said.lower()).split())


def _holds(plain: str, word: str) -> bool:
    return f" {word} " in f" {plain} "
