"""Reads any attachment: detects its format, unpacks it, and hands it to the module of that format."""

from collections.abc import Awaitable, Callable

from oncofhir.fhir.intake.attachments import sniff
from oncofhir.fhir.intake.attachments.base64_data import base64_within
from oncofhir.fhir.intake.attachments.charset import plain_text
from oncofhir.fhir.intake.attachments.decoded_text import DecodedText, replace_unencodable
from oncofhir.fhir.intake.attachments.formats.body import ReadBody
from oncofhir.fhir.intake.attachments.formats.cda import xml_text
from oncofhir.fhir.intake.attachments.formats.docx.document import docx_text
from oncofhir.fhir.intake.attachments.formats.hl7_escapes import has_escapes, resolve_escapes
from oncofhir.fhir.intake.attachments.formats.html import html_text
from oncofhir.fhir.intake.attachments.formats.pdf.document import pdf_text
from oncofhir.fhir.intake.attachments.formats.rtf.document import rtf_text
from oncofhir.fhir.intake.attachments.formats.xml import is_xhtml
from oncofhir.fhir.intake.attachments.gzip_data import gunzip
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import ReportWarning

Parse = Callable[[bytes, str | None, str, IntakeLimits], Awaitable[DecodedText]]
"""Where attachments are parsed: (bytes, declared content type, path, limits). A pool of processes replaces
the calling thread here."""

_MAX_NESTING = 3  # gzip of a CDA document with an RTF body


async def parse_here(
    data: bytes, content_type: str | None, path: str, limits: IntakeLimits
) -> DecodedText:
    """Parse in the calling thread. Raises what `read_attachment` raises."""
    return read_attachment(data, content_type, path, limits)


def read_attachment(
    data: bytes, content_type: str | None, path: str, limits: IntakeLimits, *, nesting: int = 0
) -> DecodedText:
    """Return the decoded text of an attachment (see the package's docstring); it is never blank.

    Raises:
        UnreadableReport: with the reason; some are skips (`REASONS`), such as a PDF without text.
    """
    if nesting > _MAX_NESTING:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "nested too deep")
    if len(data) > limits.max_attachment_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, f"{len(data)} bytes")
    if not data.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
    # Step 1: take off what is wrapped around the document.
    kind = sniff.actual_type(data, content_type)
    if kind == sniff.GZIP:
        inner = None if sniff.declared_type(content_type) == sniff.GZIP else content_type
        unpacked = gunzip(data, limits.max_attachment_bytes, path)
        return read_attachment(unpacked, inner, path, limits, nesting=nesting + 1)
    document = base64_within(data)
    if document is not None:
        return read_attachment(document, content_type, path, limits, nesting=nesting + 1)
    if kind == sniff.XML and is_xhtml(data, path):
        kind = sniff.HTML
    # Step 2: read it, and the documents within it.
    warnings: set[ReportWarning] = set()

    def read_body(body: bytes, media_type: str | None) -> str:
        read = read_attachment(body, media_type, path, limits, nesting=nesting + 1)
        warnings.update(read.warnings)
        return read.text

    decoded = _decode(data, kind, content_type, path, limits, read_body)
    # Step 3: check that it is text, and not too much.
    text = replace_unencodable(decoded.text)
    if not text.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
    if len(text) > limits.max_text_characters:
        raise UnreadableReport(Reason.TEXT_TOO_LONG, path)
    warnings.update(decoded.warnings)
    in_order = tuple(warning for warning in ReportWarning if warning in warnings)
    return DecodedText(text=text, content_type=kind, warnings=in_order)


def _decode(
    data: bytes,
    kind: str,
    content_type: str | None,
    path: str,
    limits: IntakeLimits,
    read_body: ReadBody,
) -> DecodedText:
    max_bytes = limits.max_attachment_bytes
    match kind:
        case sniff.PDF:
            return pdf_text(data, limits.max_pages, max_bytes, path, read_body)
        case sniff.PLAIN | sniff.MARKDOWN:
            text = plain_text(data, content_type, path)
            if has_escapes(text) or sniff.is_hl7_text(content_type):
                text = resolve_escapes(text)
        case sniff.HTML:
            text = html_text(data, content_type, path)
        case sniff.RTF:
            text = rtf_text(data, path)
        case sniff.XML:
            text = xml_text(data, max_bytes, path, read_body)
        case sniff.DOCX:
            text = docx_text(data, max_bytes, path, read_body)
        case sniff.IMAGE:
            raise UnreadableReport(Reason.IMAGE_ATTACHMENT, path)
        case _:
            raise UnreadableReport(Reason.UNSUPPORTED_CONTENT_TYPE, path)
    return DecodedText(text=text, content_type=kind)
