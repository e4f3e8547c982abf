"""RTF, through striprtf."""

import re

from striprtf.striprtf import font_table_group, rtf_to_text

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_FONT = re.compile(r"\\f\d")
"""Each font of the font table is put on a line of its own, ended by a semicolon, which bounds what the
pattern for fonts can span. Nothing of the table is printed."""
_FIELD = "\\field{"
_UNLINKED_FIELD = "\\field\n{"
"""A line break in RTF's source means nothing to a reader; here it keeps striprtf from its search for
hyperlinks, which takes quadratic time on hostile input and prints the link's address into the text."""


def rtf_text(data: bytes, path: str) -> str:
    """The text of an RTF document; cells are divided by `|`, as striprtf has it.

    Raises:
        UnreadableReport: unreadable-document, undecodable-text.
    """
    source = _tamed(_source(data))
    try:
        text: str = rtf_to_text(source, errors="strict")  # type: ignore[no-untyped-call]
    except (UnicodeError, LookupError):
        raise UnreadableReport(Reason.UNDECODABLE_TEXT, path) from None
    except Exception as error:  # noqa: BLE001 - a parser of foreign bytes; its errors may quote them
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\r\n", "\n").strip("\n")


def _tamed(source: str) -> str:
    """The same document in a form on which striprtf's patterns take linear time."""
    source = source.replace(_FIELD, _UNLINKED_FIELD)
    fonts = font_table_group(source)  # type: ignore[no-untyped-call]
    return source.replace(fonts, _FONT.sub(r";\n\g<0>", fonts), 1) if fonts else source


def _source(data: bytes) -> str:
    """RTF is ASCII by rule; writers that break it use the document's code page, or UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeError:
        match = _CODE_PAGE.search(data[:4096])
        try:
            return data.decode(f"cp{match[1].decode()}" if match else "cp1252", "replace")
        except LookupError:
            return data.decode("cp1252", "replace")
