"""RTF: the visible text, without what was deleted, moved away, struck out or hidden.

Source: Rich Text Format (RTF) Specification, version 1.9.1. No library in use keeps track of revision marks
and hidden text, or reads what follows the first document of a file.
"""

import re

from oncofhir.fhir.intake.attachments.charset import decode_text
from oncofhir.fhir.intake.attachments.formats.rtf.reader import RtfReader
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_START = re.compile(rb"\{\s*\\rtf")
_MARKUP = re.compile(rb"\\[a-zA-Z'*]|[{}]")
_PADDING = b"\x00\x1a \t\r\n"


def rtf_text(data: bytes, path: str) -> str:
    """Return the text of all RTF documents in `data`, one paragraph per line, table cells divided by tabs.

    Footnotes, comments and text boxes follow the text of their document. Plain text behind the last
    document is read, too.

    Raises:
        UnreadableReport: unreadable-document, undecodable-text.
    """
    first = _START.search(data)
    if first is None:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "no RTF header")
    source = data[first.start() :]
    texts: list[str] = []
    while source:
        try:
            reader = RtfReader(source)
            texts.append(reader.read())
        except (UnicodeError, LookupError):
            raise UnreadableReport(Reason.UNDECODABLE_TEXT, path) from None
        source = source[reader.end :].strip(_PADDING)
        following = _START.match(source)
        if source and following is None:
            text, source = _trailing(source, path)
            texts.append(text)
    joined = "\n\n".join(filter(None, (text.strip() for text in texts)))
    # Pairs of surrogates become characters; a lone one becomes U+FFFD.
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _trailing(source: bytes, path: str) -> tuple[str, bytes]:
    """Split off the plain text before the next document; markup without a header has none."""
    following = _START.search(source)
    plain = source if following is None else source[: following.start()]
    rest = b"" if following is None else source[following.start() :]
    text = _MARKUP.sub(b" ", plain)
    return decode_text(text, None, path) if text.strip(_PADDING) else "", rest
