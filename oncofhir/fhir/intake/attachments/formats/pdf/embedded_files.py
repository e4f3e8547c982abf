"""Files within a PDF: the documents of a portfolio, whose pages are only a cover.

Source: ISO 32000-1, 7.11.4 (embedded file streams) and 12.3.5 (collections).
"""

import ctypes

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from oncofhir.fhir.intake.attachments.formats.body import ReadBody
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_MAX_FILES = 50


def embedded_texts(
    document: pypdfium2.PdfDocument, shown: str, max_bytes: int, path: str, read_body: ReadBody
) -> tuple[list[str], bool]:
    """Read the embedded files; return their texts, and whether all could be read.

    A text that the pages show, or an earlier file has, is left out: a PDF may embed its own source.

    Raises:
        UnreadableReport: attachment-too-large: the files have more than `max_bytes` in all.
    """
    texts: list[str] = []
    known = _words(shown)
    count = pdfium.FPDFDoc_GetAttachmentCount(document)
    is_complete = count <= _MAX_FILES
    left = max_bytes
    for number in range(min(count, _MAX_FILES)):
        content = _content(pdfium.FPDFDoc_GetAttachment(document, number), left, path)
        if content is None:
            is_complete = False
            continue
        left -= len(content)
        try:
            text = read_body(content, None)
        except UnreadableReport:
            is_complete = False
            continue
        words = _words(text)
        if words not in known:
            texts.append(text)
            known = f"{known}\n{words}"
    return texts, is_complete


def _content(attachment: object, max_bytes: int, path: str) -> bytes | None:
    """Return the bytes of an embedded file; None if there are none."""
    size = ctypes.c_ulong()
    if not attachment or not pdfium.FPDFAttachment_GetFile(attachment, None, 0, size):
        return None
    if size.value > max_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, "embedded files")
    buffer = ctypes.create_string_buffer(size.value)
    if not pdfium.FPDFAttachment_GetFile(attachment, buffer, size.value, size):
        return None
    return buffer.raw or None


def _words(text: str) -> str:
    return " ".join(text.split())
