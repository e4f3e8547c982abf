"""Decodes bytes in their declared charset, else in the only charset that explains them. It never guesses.

A wrong charset puts wrong characters into the evidence without anyone noticing, so doubt is an error:
`Reason.UNDECODABLE_TEXT`.
"""

import codecs
import re

from charset_normalizer import from_bytes

from oncofhir.fhir.intake.attachments.sniff import charset_of
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_BOMS = (  # UTF-32 first: its little-endian mark begins with the mark of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What these labels mean in practice: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {"iso8859-1": "cp1252", "latin-1": "cp1252", "iso8859-9": "cp1254"}
_UNICODE_OR_ASCII = {"utf-8", "ascii", "utf-8-sig"}
_NO_CHARSETS = {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "utf-7"}
_SINGLE_BYTE = re.compile(r"(iso8859|cp125|cp437|cp850|cp852|cp866|koi8|mac|hp-roman8|tis-620)")

_WESTERN = set("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœŒšŠžŽ")
_WITHIN_WORDS = set(
    "\u2019\u2018\u00b4\u00b7\u2013\u00ad"
)  # apostrophes, middle dot, dash, soft hyphen
_MAX_WESTERN_SHARE = 0.4  # of the letters; French has about 0.05, a wrong code page far more
_MAX_CONTROL_SHARE = 0.05  # of the characters; beyond it the bytes are not text
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_NUL_SHARE = 0.7  # of the even or odd bytes: UTF-16 without a mark
_UTF16_UNITS = 4  # the least that distinguishes it from stray zeros


def plain_text(data: bytes, content_type: str | None, path: str) -> str:
    """Return the text of a plain or Markdown attachment, unchanged except for its byte-order mark.

    Raises:
        UnreadableReport: undecodable-text.
    """
    return decode_text(data, charset_of(content_type), path)


def decode_text(data: bytes, declared: str | None, path: str) -> str:
    """Decode `data`; `declared` is the charset parameter of its content type, if there was one.

    Order: the byte-order mark; UTF-8, because other text is practically never valid UTF-8 by accident;
    the declared charset; detection.

    Raises:
        UnreadableReport: undecodable-text.
    """
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return _readable(_strict(data[len(mark) :], charset), path)
    codec = _codec(declared)
    if codec is not None and codec not in _UNICODE_OR_ASCII and not _SINGLE_BYTE.match(codec):
        text = _strict(data, _unmarked(codec, data))  # multi-byte: as declared or not at all
        if text is not None:
            return _readable(text, path)
    if not _looks_like_utf16(data):
        text = _strict(data, "utf-8")
        if text is None and codec is not None and codec not in _UNICODE_OR_ASCII:
            text = _strict(data, _MEANT.get(codec, codec))
        if text is not None:
            return _readable(text, path)
    return _readable(_detected(data), path)


def _codec(declared: str | None) -> str | None:
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared.strip().strip("\"'")).name
        "".encode(name)  # refuses codecs that are not charsets (zlib, base64)
    except (LookupError, ValueError, TypeError, UnicodeError):
        return None
    return None if name in _NO_CHARSETS else name


def _unmarked(codec: str, data: bytes) -> str:
    """Choose the byte order of UTF-16 and UTF-32 without a mark by the position of their zeros."""
    if codec in {"utf-16", "utf-32"}:
        return f"{codec}-be" if data.startswith(b"\0") else f"{codec}-le"
    return codec


def _strict(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except (UnicodeError, LookupError):
        return None


def _readable(text: str | None, path: str) -> str:
    if text is None:
        raise UnreadableReport(Reason.UNDECODABLE_TEXT, path)
    controls = len(_CONTROLS.findall(text))
    if controls > 1 and controls > _MAX_CONTROL_SHARE * len(text):
        raise UnreadableReport(Reason.UNDECODABLE_TEXT, path, "control characters")
    return text


def _looks_like_utf16(data: bytes) -> bool:
    """Detect UTF-16 without a mark: zeros in nearly every second byte and hardly any between."""
    half = len(data) // 2
    zeros = sorted((data[::2].count(0), data[1::2].count(0)))
    return half >= _UTF16_UNITS and zeros[1] > _NUL_SHARE * half and zeros[0] <= half // 20


def _detected(data: bytes) -> str | None:
    if _looks_like_utf16(data):
        big = data[::2].count(0) > data[1::2].count(0)
        return _strict(data, "utf-16-be" if big else "utf-16-le")
    if _is_damaged_utf8(data):
        return None
    western = _strict(data, "cp1252")
    if western is not None and _is_plausibly_western(western):
        return western
    best = from_bytes(data).best()
    if best is None or best.chaos > 0 or best.coherence == 0:
        return None
    return str(best)


def _is_damaged_utf8(data: bytes) -> bool:
    """Detect truncated or altered UTF-8: more valid multi-byte characters than invalid bytes."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(ord(c) > 0x7F for c in text) - damaged > damaged  # noqa: PLR2004 - the end of ASCII


def _is_plausibly_western(text: str) -> bool:
    """Return whether the letters beyond ASCII are Western European and occur where such letters occur."""
    letters = sum(c.isalpha() for c in text)
    western = 0
    for index, character in enumerate(text):
        if character.isascii():
            continue
        before = text[index - 1] if index else " "
        after = text[index + 1] if index + 1 < len(text) else " "
        if character in _WESTERN:
            western += 1
            if character.isupper() and before.islower():
                return False
        elif before.isalpha() and after.isalpha() and character not in _WITHIN_WORDS:
            return False
    return western <= max(3, _MAX_WESTERN_SHARE * letters)
