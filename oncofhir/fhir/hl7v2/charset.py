"""The character set of a message: MSH-18 (HL7 table 0211), checked against the bytes.

A wrong declaration is refused, not guessed around: a guess would change names and measurements silently.
"""

import codecs
import re
from dataclasses import dataclass

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_LOCATION = "MSH-18"
# HL7 table 0211 (v2.5.1 and v2.8.2), and the Python codec of each set.
CODECS = {
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
}
# Names that senders write in place of those of table 0211.
_ALIASES = {"UTF-8": "UNICODE UTF-8", "UTF8": "UNICODE UTF-8", "US-ASCII": "ASCII"}
_ISO_NAME = re.compile(r"ISO[-_ /]?8859[-_ /](\d{1,2})(?:[-_ /].*)?")
_WIDE = {"utf-16", "utf-32"}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile("[\x80-\x9f]")


@dataclass(frozen=True)
class DecodedMessage:
    """The text of a message and the codec that its bytes are in."""

    text: str
    encoding: str


def wide_encoding(value: bytes) -> str | None:
    """Return the encoding if every character has two bytes or more: by its mark, or by MSH itself."""
    for mark, encoding in _MARKS:
        if value.startswith(mark):
            return encoding
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        if value.startswith("MSH".encode(encoding)):
            return encoding
    return None


def codec_of(declared: str) -> str | None:
    """Return the codec of a name of table 0211 or a common spelling of it; None if it is not known."""
    name = " ".join(declared.upper().split())
    iso = _ISO_NAME.fullmatch(name)
    return CODECS.get(f"8859/{iso[1]}" if iso else _ALIASES.get(name, name))


def decode_message(value: bytes, declared: str, default: str | None) -> DecodedMessage:
    """Decode a message whose MSH-18 (first repetition) is `declared`; without one it is `default`.

    Without either it is UTF-8, of which ASCII, the default of HL7, is a part.

    Raises:
        UnreadableReport: undecodable-text, the set is not known or is not that of the bytes.
    """
    codec = codec_of(declared or default or "UNICODE UTF-8")
    if codec is None:
        raise _undecodable("the character set is not in HL7 table 0211 or is not supported")
    wide = wide_encoding(value)
    if (wide is not None) != (codec in _WIDE) and not (wide and declared.upper() == "UNICODE"):
        raise _undecodable(
            f"the bytes are {'' if wide else 'not '}in a Unicode form of wide characters"
        )
    try:
        text = value.decode(wide or codec)
    except UnicodeDecodeError as error:
        remedy = (
            ""
            if declared
            else "; MSH-18 is empty, ONCOFHIR_HL7V2__DEFAULT_CHARSET sets its default"
        )
        raise _undecodable(f"the bytes are not {codec} at byte {error.start}{remedy}") from None
    if codec.startswith("iso8859") and not value.isascii():
        _check_single_bytes(value, text, codec)
    return DecodedMessage(text.removeprefix("\ufeff"), wide or codec)


def _check_single_bytes(value: bytes, text: str, codec: str) -> None:
    """Every byte is a character of these sets, so that a wrong declaration shows only indirectly."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        raise _undecodable(f"{codec} is declared, but the bytes are UTF-8")
    if _CONTROLS.search(text):
        raise _undecodable(f"{codec} is declared, but the bytes have characters that it lacks")


def _undecodable(detail: str) -> UnreadableReport:
    return UnreadableReport(Reason.UNDECODABLE_TEXT, _LOCATION, detail)
