"""Escape sequences of HL7 v2 text (HL7 v2.5.1, chapter 2.7).

python-hl7's own `unescape` logs the field's text where it cannot decode a sequence, so it is not used.
"""

import re
from dataclasses import dataclass

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_MAX_BLANKS = 200  # of one \.sp..\ or \.sk..\
_HEX = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")
_CHARACTER_SET = re.compile(r"C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?")
_COUNTED = re.compile(r"\.(sp|sk|in|ti)\s*([+-]?\d{1,4})?", re.IGNORECASE)
_INVISIBLE = re.compile(r"[HN]|Z[0-9A-Za-z]*|\.(?:fi|nf)", re.IGNORECASE)
_NEW_LINE = re.compile(r"\.(?:br|ce)", re.IGNORECASE)


@dataclass(frozen=True)
class Delimiters:
    """The delimiters that MSH-1 and MSH-2 define. An absent one is an empty string."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""


def unescape(text: str, delimiters: Delimiters, encoding: str, location: str) -> str:
    r"""Return a text without escape sequences; highlighting is dropped, formatting becomes white space.

    What is no sequence stays as it is: senders forget to escape a backslash. `\X..\` is decoded as
    `encoding`.

    Raises:
        UnreadableReport: undecodable-text, the text switches its character set (`\C..\`, `\M..\`) or `\X..\`
            holds bytes that are no text.
    """
    mark = delimiters.escape
    if not mark or mark not in text:
        return text
    parts = text.split(mark)
    # Before the first mark is text. From there a part is a sequence, or text, whose mark stays.
    found = [parts[0]]
    index = 1
    while index < len(parts):
        is_closed = index + 1 < len(parts)
        replaced = _replace(parts[index], delimiters, encoding, location) if is_closed else None
        if replaced is None:
            found += [mark, parts[index]]
            index += 1
        else:
            found += [replaced, parts[index + 1]]
            index += 2
    return "".join(found)


def _replace(sequence: str, delimiters: Delimiters, encoding: str, location: str) -> str | None:
    """Return what a sequence stands for; None if it is none."""
    literal = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
    }.get(sequence)
    if literal is not None:
        return literal
    if _NEW_LINE.fullmatch(sequence):
        return "\n"
    if _INVISIBLE.fullmatch(sequence):
        return ""
    if _CHARACTER_SET.fullmatch(sequence):
        raise UnreadableReport(
            Reason.UNDECODABLE_TEXT, location, "an escape sequence switches the character set"
        )
    counted = _COUNTED.fullmatch(sequence)
    if counted is not None:
        return _white_space(counted[1].lower(), int(counted[2] or 1))
    hexadecimal = _HEX.fullmatch(sequence)
    return None if hexadecimal is None else _from_hex(hexadecimal[1], encoding, location)


def _white_space(command: str, count: int) -> str:
    count = min(max(count, 1), _MAX_BLANKS)
    return {"sp": "\n" * count, "sk": " " * count}.get(command, "")


def _from_hex(digits: str, encoding: str, location: str) -> str:
    try:
        text = bytes.fromhex(digits).decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableReport(
            Reason.UNDECODABLE_TEXT, location, "an escape sequence holds bytes that are no text"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
