"""Any attachment's bytes as text: finds what it is, unpacks it, hands it to the module of its type."""

import zlib
from collections.abc import Awaitable, Callable

from oncofhir.fhir.intake.attachments import sniff
from oncofhir.fhir.intake.attachments.charset import plain_text
from oncofhir.fhir.intake.attachments.decoded_text import DecodedText, replace_unencodable
from oncofhir.fhir.intake.attachments.formats.docx import docx_text
from oncofhir.fhir.intake.attachments.formats.html import html_text
from oncofhir.fhir.intake.attachments.formats.pdf import pdf_text
from oncofhir.fhir.intake.attachments.formats.rtf import rtf_text
from oncofhir.fhir.intake.attachments.formats.xml import Reader, is_xhtml, xml_text
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

Parse = Callable[[bytes, str | None, str, IntakeLimits], Awaitable[DecodedText]]
"""Where attachments are parsed: (bytes, declared content type, path, limits). The seam at which a pool
of processes takes the place of the calling thread."""

_MAX_NESTING = 3  # gzip of a CDA document with an RTF body


async def parse_here(
    data: bytes, content_type: str | None, path: str, limits: IntakeLimits
) -> DecodedText:
    """Parse in the calling thread. Raises what `read_attachment` raises."""
    return read_attachment(data, content_type, path, limits)


def read_attachment(
    data: bytes, content_type: str | None, path: str, limits: IntakeLimits, *, nesting: int = 0
) -> DecodedText:
    """The attachment's decoded text (see the package's docstring), never blank.

    Raises:
        UnreadableReport: with the reason; some are skips (`Disposition`), such as a PDF without text.
    """
    if nesting > _MAX_NESTING:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "nested too deep")
    if len(data) > limits.max_attachment_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path)
    if not data.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
    kind = sniff.actual_type(data, content_type)
    if kind == sniff.GZIP:
        inner = None if sniff.declared_type(content_type) == sniff.GZIP else content_type
        return read_attachment(
            _gunzip(data, limits, path), inner, path, limits, nesting=nesting + 1
        )
    if kind == sniff.XML and is_xhtml(data, path):
        kind = sniff.HTML
    decoded = _decoded(data, kind, content_type, path, limits, nesting)
    text = replace_unencodable(decoded.text)
    if not text.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
    if len(text) > limits.max_text_characters:
        raise UnreadableReport(Reason.TEXT_TOO_LONG, path)
    return DecodedText(text=text, content_type=kind, unread_pages=decoded.unread_pages)


def _decoded(
    data: bytes, kind: str, content_type: str | None, path: str, limits: IntakeLimits, nesting: int
) -> DecodedText:
    if kind == sniff.PDF:
        return pdf_text(data, limits.max_pages, path)
    unread_pages = 0

    def read_body(body: bytes, media_type: str | None) -> str:
        nonlocal unread_pages
        read = read_attachment(body, media_type, path, limits, nesting=nesting + 1)
        unread_pages += read.unread_pages
        return read.text

    text = _text(data, kind, content_type, path, limits, read_body)
    return DecodedText(text=text, content_type=kind, unread_pages=unread_pages)


def _text(
    data: bytes,
    kind: str,
    content_type: str | None,
    path: str,
    limits: IntakeLimits,
    read_body: Reader,
) -> str:
    match kind:
        case sniff.PLAIN | sniff.MARKDOWN:
            return plain_text(data, content_type, path)
        case sniff.HTML:
            return html_text(data, content_type, path)
        case sniff.RTF:
            return rtf_text(data, path)
        case sniff.XML:
            return xml_text(data, limits.max_attachment_bytes, path, read_body)
        case sniff.DOCX:
            return docx_text(data, limits.max_attachment_bytes, path)
        case sniff.IMAGE:
            raise UnreadableReport(Reason.IMAGE_ATTACHMENT, path)
        case _:
            raise UnreadableReport(Reason.UNSUPPORTED_CONTENT_TYPE, path)


def _gunzip(data: bytes, limits: IntakeLimits, path: str) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: the gzip format
    try:
        content = inflater.decompress(data, limits.max_attachment_bytes + 1)
    except zlib.error:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "gzip") from None
    if len(content) > limits.max_attachment_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path)
    if not inflater.eof:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "gzip is cut off")
    return content
