"""Tables, also as a PDF flattens them: a row of names over rows of values, or a column of each."""

import re
from collections.abc import Generator, Iterator

from oncofhir.schemas.structure import TableCell

_GAP = re.compile(r" ?\| ?|\t+| {2,}")
_HEADERS = re.compile(
    r"(?:specimen|part|site|location|side|laterality|size|tumou?r size|diameter|grade|histologic grade"
    r"|nottingham grade|type"
    r"|histology|histologic type|diagnosis|er|pr|pgr|her-?2(?:/neu)?|ki-?67|estrogen receptor"
    r"|oestrogen receptor"
    r"|progesterone receptor|focus|no\.?|#|pt|pn|t|n|m|stage|marker|result|antibody|status|test|value"
    r"|biomarker)"
    r"(?: ?\((?:mm|cm|%|ihc|fish)\))?",
    re.IGNORECASE,
)
_RECEPTOR = (
    r"(?:er|pg?r|her-?2(?:/neu)?|estrogen receptor|oestrogen receptor|progesterone receptor)"
)
_NAMES_LINE = re.compile(
    rf"^[ \t]*{_RECEPTOR}(?:[ \t|/,]+(?:{_RECEPTOR}|ki-?67))+[ \t|]*$", re.IGNORECASE
)
_NAME_LINE = re.compile(rf"^[ \t]*{_RECEPTOR}[ \t:]*$", re.IGNORECASE)
_VALUE = re.compile(
    r"positive|negative|equivocal|pos|neg|not done|pending|[0-3] ?\+|[+-]|<? ?\d{1,3} ?%|0",
    re.IGNORECASE,
)
_LEAST_COLUMNS = 3
_LEAST_KNOWN = 2
_MOST_ROWS = 60

Piece = tuple[int, int]


def cells(text: str) -> Iterator[TableCell]:
    """The cells of the tables that have a row of known names, or the column of names, at their head."""
    lines = _lines(text)
    number = 0
    while number < len(lines):
        taken = yield from _by_row(text, lines, number)
        if not taken:
            taken = yield from _by_column(text, lines, number)
        number += max(1, taken)


def _lines(text: str) -> list[Piece]:
    found, start = [], 0
    for match in re.finditer(r"\n|$", text):
        if match.start() >= start:
            found.append((start, match.start()))
            start = match.end()
    return found


def _pieces(text: str, start: int, end: int) -> list[Piece]:
    pieces, position = [], start
    for gap in _GAP.finditer(text, start, end):
        pieces.append((position, gap.start()))
        position = gap.end()
    pieces.append((position, end))
    return [(s, e) for s, e in pieces if text[s:e].strip()]


def _words(text: str, start: int, end: int) -> list[Piece]:
    return [m.span() for m in re.finditer(r"[^\s|/,]+(?: (?:\+|%|\([^)]*\)))?", text[start:end])]


def _by_row(text: str, lines: list[Piece], number: int) -> Generator[TableCell, None, int]:
    start, end = lines[number]
    head = text[start:end]
    if _NAMES_LINE.match(head):
        columns = [(s + start, e + start) for s, e in _words(text, start, end)]
        split_by_words = len(_pieces(text, start, end)) != len(columns)
    else:
        columns = _pieces(text, start, end)
        split_by_words = False
        known = sum(_HEADERS.fullmatch(text[s:e].strip(" :")) is not None for s, e in columns)
        if len(columns) < _LEAST_COLUMNS or known < _LEAST_KNOWN or known * 2 < len(columns):
            return 0
    rows = 0
    for row_start, row_end in lines[number + 1 : number + 1 + _MOST_ROWS]:
        if split_by_words:
            values = [(s + row_start, e + row_start) for s, e in _words(text, row_start, row_end)]
        else:
            values = _pieces(text, row_start, row_end)
        if len(values) != len(columns):
            break
        for (s, e), (vs, ve) in zip(columns, values, strict=True):
            yield TableCell(start=vs, end=ve, header=text[s:e].strip(" :").lower(), row=rows)
        rows += 1
    return rows + 1 if rows else 0


def _by_column(text: str, lines: list[Piece], number: int) -> Generator[TableCell, None, int]:
    """Names one below the other, then as many values one below the other."""
    names = []
    for start, end in lines[number : number + _LEAST_COLUMNS + 2]:
        if not _NAME_LINE.match(text[start:end]):
            break
        names.append((start, end))
    if len(names) < _LEAST_KNOWN:
        return 0
    values = lines[number + len(names) : number + 2 * len(names)]
    if len(values) != len(names) or not all(_VALUE.match(text[s:e].strip()) for s, e in values):
        return len(names)
    for (s, e), (vs, ve) in zip(names, values, strict=True):
        yield TableCell(start=vs, end=ve, header=text[s:e].strip(" \t:").lower(), row=0)
    return 2 * len(names)
