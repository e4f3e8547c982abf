"""PDF with a text layer, through PDFium."""

import pypdfium2  # type: ignore[import-untyped]

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_LINE_END_HYPHEN = "\ufffe"  # PDFium's mark for a hyphen that ends a line


def pdf_text(data: bytes, max_pages: int, path: str) -> str:
    """The text layer of all pages, in reading order, pages divided by a blank line.

    Raises:
        UnreadableReport: no-text-layer, encrypted-document, attachment-too-large (pages),
            unreadable-document.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableReport(Reason.ENCRYPTED_DOCUMENT, path) from None
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "PdfiumError") from None
    try:
        if len(document) > max_pages:
            raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, f"{len(document)} pages")
        pages = [_page_text(document, number) for number in range(len(document))]
    except pypdfium2.PdfiumError:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "PdfiumError") from None
    finally:
        document.close()
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise UnreadableReport(Reason.NO_TEXT_LAYER, path)
    return text


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    page = document[number]
    try:
        layer = page.get_textpage()
        try:
            text: str = layer.get_text_range(errors="replace")
        finally:
            layer.close()
    finally:
        page.close()
    text = text.replace(_LINE_END_HYPHEN, "-").replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()
