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
    r"|biomarker|cores?|gleason(?: score| grade)?|length|involved|% involved|percent|involvement|cells"
    r"|intensity|nodule|lesion|mass|comment|interpretation|quadrant|margin)"
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
# A line with columns, or with a receptor's name: no table begins in another.
_MAY_BEGIN = re.compile(rf"[|\t]| {{2}}|^[ \t]*{_RECEPTOR}", re.IGNORECASE | re.MULTILINE)
_MARKER = re.compile(r"marker|antibody|test|biomarker|stain|receptor|", re.IGNORECASE)
_RESULT = re.compile(
    r"result|status|interpretation|value|this review|review|here|current|final|now", re.IGNORECASE
)
_ELSEWHERE = re.compile(
    r"outside|previous|prior|submitted|original|biopsy|reference|normal", re.IGNORECASE
)
_RECEPTOR_ONLY = re.compile(_RECEPTOR, re.IGNORECASE)
_PIPED = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
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
        if not _MAY_BEGIN.search(text, *lines[number]):
            number += 1
            continue
        taken = yield from _by_marker(text, lines, number)
        if not taken:
            taken = yield from _by_row(text, lines, number)
        if not taken:
            taken = yield from _by_pairs(text, lines, number)
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
        if len(values) == len(columns) + 1 and not _VALUE.fullmatch(
            text[slice(*values[0])].strip()
        ):
            # a row's label, under no header: "Left 2:00"
            values = values[1:]
        if len(values) != len(columns) or _is_out_of_line(text, columns[0], values[0]):
            break
        for (s, e), (vs, ve) in zip(columns, values, strict=True):
            yield TableCell(start=vs, end=ve, header=text[s:e].strip(" :").lower(), row=rows)
        rows += 1
    return rows + 1 if rows else 0


def _is_out_of_line(text: str, header: Piece, value: Piece) -> bool:
    """Whether a row begins with its label where a receptor's result should be: a column is missing."""
    name, said = text[slice(*header)].strip(" :"), text[slice(*value)].strip()
    is_label = said[:1].isalpha() and _VALUE.match(said) is None and any(map(str.isdigit, said))
    return is_label and _RECEPTOR_ONLY.fullmatch(name) is not None


def _by_marker(text: str, lines: list[Piece], number: int) -> Generator[TableCell, None, int]:
    """Rows that each begin with a receptor's name, under headers that say which column is its result.

    A column of another laboratory or of an earlier specimen is no result of this report.
    """
    headers = _pieces(text, *lines[number])
    names = [text[s:e].strip(" :").lower() for s, e in headers]
    if len(headers) < _LEAST_KNOWN or not any(_RESULT.fullmatch(name) for name in names):
        return 0
    rows = 0
    for start, end in lines[number + 1 : number + 1 + _MOST_ROWS]:
        values = _pieces(text, start, end)
        if not values or not _RECEPTOR_ONLY.fullmatch(text[slice(*values[0])].strip(" :")):
            break
        aligned = names if len(names) == len(values) else ["", *names]
        for (vs, ve), header in zip(values[1:], aligned[1:], strict=False):
            is_result = _RESULT.fullmatch(header) and not _ELSEWHERE.search(header)
            said = text[slice(*values[0])].strip(" :").lower() if is_result else header or "-"
            yield TableCell(start=vs, end=ve, header=said, row=rows)
        rows += 1
    return rows + 1 if rows else 0


def _by_pairs(text: str, lines: list[Piece], number: int) -> Generator[TableCell, None, int]:
    """Lines of a table with bars in which a name stands before its value: "| Grade | 3 |"."""
    start, end = lines[number]
    if not _PIPED.match(text[start:end]):
        return 0
    pieces = _pieces(text, start, end)
    pairs = list(zip(pieces[::2], pieces[1::2], strict=False))
    if len(pieces) % 2 or not all(_HEADERS.fullmatch(text[s:e].strip(" :")) for (s, e), _ in pairs):
        return 0
    for (s, e), (vs, ve) in pairs:
        yield TableCell(start=vs, end=ve, header=text[s:e].strip(" :").lower(), row=0)
    return 1


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
