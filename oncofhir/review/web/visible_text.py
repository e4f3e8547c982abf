"""Text of others as HTML: escaped, with characters that hide or reorder text shown as their code points."""

import re
import unicodedata

from markupsafe import Markup, escape

# Controls and format characters (categories Cc, Cf), which include the bidirectional controls, and lone
# surrogates; not the line breaks and tabs of a text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_MARKER = Markup('<span class="control"{}{} title="{}">{}</span>')


def visible(text: object, start: int | None = None) -> Markup:
    """Return a text as HTML in which every hidden character is a visible marker.

    With `start`, the offset of the text in the report, every piece carries its offset for selections
    (`data-start`), and markers count as the one character that they stand for (`data-length`).
    """
    value = str(text)
    if start is None and _HIDDEN.search(value) is None:
        return escape(value)
    pieces: list[Markup] = []
    last = 0
    for found in _HIDDEN.finditer(value):
        pieces.append(_plain(value[last : found.start()], start, last))
        pieces.append(_marker(found[0], start, found.start()))
        last = found.end()
    pieces.append(_plain(value[last:], start, last))
    return Markup().join(pieces)


def _plain(text: str, start: int | None, offset: int) -> Markup:
    if not text:
        return Markup()
    if start is None:
        return escape(text)
    return Markup('<span data-start="{}">{}</span>').format(start + offset, text)


def _marker(character: str, start: int | None, offset: int) -> Markup:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character")
    at = Markup() if start is None else Markup(' data-start="{}"').format(start + offset)
    length = Markup() if start is None else Markup(' data-length="1"')
    return _MARKER.format(at, length, f"{code} {name}", code)
