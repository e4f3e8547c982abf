"""PDF with a text layer, through PDFium."""

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from oncofhir.fhir.intake.attachments.decoded_text import DecodedText
from oncofhir.fhir.intake.attachments.formats.pdf_annotations import text_with_form_fields
from oncofhir.fhir.intake.attachments.sniff import PDF
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_LINE_END_HYPHEN = "\ufffe"  # PDFium's mark for a hyphen that ends a line


_SCANNED_DEPTH = 3  # of form objects within one another in which a scan's image is looked for


def pdf_text(data: bytes, max_pages: int, path: str) -> DecodedText:
    """The text layer of all pages, in reading order, pages divided by a blank line.

    Values of form fields stand in it where they stand on the page. `unread_pages` counts pages beside them
    that have images and no text: scans.

    Raises:
        UnreadableReport: no-text-layer, encrypted-document, attachment-too-large (pages),
            unreadable-document (also an XFA form, whose pages are not in the document).
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
        if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
            raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "XFA form")
        document.init_forms()
        pages = [_page_text(document, number) for number in range(len(document))]
    except pypdfium2.PdfiumError:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "PdfiumError") from None
    finally:
        document.close()
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise UnreadableReport(Reason.NO_TEXT_LAYER, path)
    return DecodedText(text=text, content_type=PDF, unread_pages=pages.count(None))


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str | None:
    """The page's text; None when it has none, and an image."""
    page = document[number]
    try:
        layer = page.get_textpage()
        try:
            if document.formenv is not None:
                text = text_with_form_fields(page, layer, document.formenv)
            else:
                text = layer.get_text_range(errors="replace")
        finally:
            layer.close()
        text = text.replace(_LINE_END_HYPHEN, "-").replace("\r\n", "\n").replace("\r", "\n").strip()
        return None if not text and _has_image(page) else text
    finally:
        page.close()


def _has_image(page: pypdfium2.PdfPage) -> bool:
    images = page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_SCANNED_DEPTH)
    return next(iter(images), None) is not None
