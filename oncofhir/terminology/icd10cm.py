"""ICD-10-CM by what a diagnosis says of its site: the subsite, the target of a metastasis, or in situ.

Codes come from `data/icd10cm.json` alone. Where the words name no subsite, or several, there is no code here.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from oncofhir.schemas.finding import Coding
from oncofhir.terminology.sites import find_sites
from oncofhir.terminology.tables import coding, concepts

Row = dict[str, Any]
_TARGET = re.compile(r"\b(?:to|in|into|involving)\s+(?P<where>.+)", re.IGNORECASE | re.DOTALL)
_BEFORE = re.compile(r"(?P<where>.+?)\s+metasta(?:sis|ses)\b", re.IGNORECASE | re.DOTALL)
_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)
# Words of which a place has one of each group: "upper and lower lobe" is no single subsite.
_ONE_OF = (frozenset({"upper", "middle", "lower"}), frozenset({"inner", "outer"}))
_NODE = re.compile(r"\bnodes?\b|\bnodal\b", re.IGNORECASE)
_MARROW = re.compile(r"\bmarrow\b", re.IGNORECASE)


def subsite(
    site: str, said: Iterable[str], laterality: str | None, gender: str | None
) -> Coding | None:
    """The code of the one subsite of an organ that these words name."""
    rows = _rows("primary", site)
    return _one(_of_words(rows, " ".join(said)), laterality, gender)


def in_situ(value: str, laterality: str | None) -> Coding | None:
    """The code of a carcinoma in situ of one organ; melanoma in situ has none here."""
    if re.search("melanoma", value, re.IGNORECASE):
        return None
    named = {site.name for site, _, _ in find_sites(value)}
    if len(named) != 1:
        return None
    rows = _rows("in-situ", named.pop())
    return _one(_of_words(rows, value) or [r for r in rows if "words" not in r], laterality, None)


def secondary(value: str) -> Coding | None:
    """The code of a metastasis by the one organ that it is in; the side is the organ's, not the primary's."""
    match = _TARGET.search(value) or _BEFORE.search(value)
    where = match["where"] if match else ""
    if _NODE.search(where):
        return _of_nodes(where)
    named = {site.name for site, _, _ in find_sites(where)}
    if _MARROW.search(where):
        named = named - {"bone"} | {"bone marrow"}
    sides = {side.lower() for side in _SIDES.findall(where)}
    if len(named) != 1 or len(sides) > 1:
        return None
    return _one(_rows("secondary", named.pop()), next(iter(sides), None), None)


def _of_nodes(where: str) -> Coding | None:
    """The nodes of the one region that is named, unspecified ones where none is; none beside more."""
    rows = _rows("secondary", "lymph node")
    region = _of_words(rows, where)
    if re.search(r"\band\b", where, re.IGNORECASE):
        return None
    if region:
        return _one(region, None, None)
    named = any(_holds(_plain(where), word) for row in rows for word in row.get("words", ()))
    return None if named else _one([row for row in rows if "words" not in row], None, None)


def _rows(situation: str, site: str) -> list[Row]:
    return [
        row for row in concepts("icd10cm") if row["situation"] == situation and row["site"] == site
    ]


def _of_words(rows: Sequence[Row], said: str) -> list[Row]:
    """The rows of the subsite whose words are said; none where several subsites are."""
    plain = _plain(said)
    if any(len(words & set(plain.split())) > 1 for words in _ONE_OF):
        return []
    named = [row for row in rows if any(_holds(plain, word) for word in row.get("words", ()))]
    return named if len({tuple(row["words"]) for row in named}) == 1 else []


def _plain(said: str) -> str:
    return " ".join(re.sub(r"[\W_]", " ", said.lower()).split())


def _holds(plain: str, word: str) -> bool:
    return f" {word} " in f" {plain} "


def _one(rows: Sequence[Row], laterality: str | None, gender: str | None) -> Coding | None:
    """The row of the side, else the one that names no side; a row of a gender only for that gender."""
    fitting = [row for row in rows if row.get("gender") in {None, gender}]
    of_side = [row for row in fitting if row.get("laterality") == laterality]
    chosen = of_side or [row for row in fitting if "laterality" not in row]
    return coding(chosen[0]) if chosen else None
