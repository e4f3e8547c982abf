"""Items of numbered lists, each of which concerns one problem: "1.", "2)", "(a) … and (b) …"."""

import re
from collections.abc import Iterator
from itertools import pairwise

from oncofhir.schemas.structure import ListItem

_LABEL = re.compile(
    r"(?:(?:^|(?<=\n))[ \t]{0,8}(?:problem |dx |#)?(?P<number>\d{1,2})[.):](?=[ \t]{1,4}[A-Za-z])"
    r"|(?<![\w(])\((?P<inline>[a-h]|i{1,3}|iv|[1-9])\)(?=[ \t]))",
    re.IGNORECASE,
)
_MOST_GAP = 1


def items(text: str) -> Iterator[ListItem]:
    """The items of every list that begins with 1 or (a) and counts on; each ends where the next begins.

    The last ends with its paragraph.
    """
    rows: list[list[re.Match[str]]] = []
    for match in _LABEL.finditer(text):
        last = rows[-1] if rows else None
        if (
            last is not None
            and _style(match) == _style(last[-1])
            and _rank(match) == _rank(last[-1]) + 1
        ):
            last.append(match)
        elif _rank(match) == 1:
            rows.append([match])
    for row in rows:
        if len(row) > 1:
            yield from _of_row(text, row)


def _of_row(text: str, row: list[re.Match[str]]) -> Iterator[ListItem]:
    for one, following in pairwise([*row, None]):
        if one is None:
            continue
        paragraph = text.find("\n\n", one.end())
        line = text.find("\n", one.end())
        end = len(text) if paragraph < 0 else paragraph
        if _style(one) == "inline" and following is None and line >= 0:
            end = min(end, line)
        if following is not None:
            end = following.start()
        yield ListItem(label=(one["number"] or one["inline"]).lower(), start=one.start(), end=end)


def _style(match: re.Match[str]) -> str:
    return "number" if match["number"] else "inline"


def _rank(match: re.Match[str]) -> int:
    label = (match["number"] or match["inline"]).lower()
    if label.isdigit():
        return int(label)
    return (
        {"i": 1, "ii": 2, "iii": 3, "iv": 4}.get(label, 0)
        if set(label) <= {"i", "v"}
        else ord(label) - ord("a") + 1
    )
