"""PDF with a text layer, through PDFium."""

from typing import NamedTuple

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from oncofhir.fhir.intake.attachments.decoded_text import DecodedText
from oncofhir.fhir.intake.attachments.formats.body import ReadBody
from oncofhir.fhir.intake.attachments.formats.pdf.annotations import read_annotations
from oncofhir.fhir.intake.attachments.formats.pdf.embedded_files import embedded_texts
from oncofhir.fhir.intake.attachments.formats.pdf.layer import layer_text
from oncofhir.fhir.intake.attachments.formats.pdf.legibility import is_garbled, is_unmapped
from oncofhir.fhir.intake.attachments.sniff import PDF
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import ReportWarning

_LINE_END_HYPHEN = "\ufffe"  # PDFium's mark for a hyphen that ends a line
_SCANNED_DEPTH = 3  # of form objects within one another in which the image of a scan is searched


def pdf_text(
    data: bytes, max_pages: int, max_bytes: int, path: str, read_body: ReadBody
) -> DecodedText:
    """Return the text layer of all pages, in reading order, pages divided by an empty line.

    Values of form fields are placed as on the page, the words of annotations at its end. Text that an
    annotation strikes out is left out. The texts of embedded files (portfolios) follow the pages.
    Warnings name scanned pages among pages with text, garbled text, and embedded files that cannot be
    read.

    Raises:
        UnreadableReport: no-text-layer, encrypted-document, attachment-too-large (pages, or embedded
            files), unreadable-document (also an XFA form, whose pages are not in the document).
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
        read = [_read_page(document, number) for number in range(len(document))]
        pages = [page.text for page in read]
        shown = "\n\n".join(page for page in pages if page)
        files, is_complete = embedded_texts(document, shown, max_bytes, path, read_body)
    except pypdfium2.PdfiumError:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "PdfiumError") from None
    finally:
        document.close()
    text = "\n\n".join(filter(None, (shown, *files)))
    if not text:
        raise UnreadableReport(Reason.NO_TEXT_LAYER, path)
    holds = {
        ReportWarning.PAGES_WITHOUT_TEXT: None in pages,
        ReportWarning.GARBLED_TEXT: any(page.is_garbled for page in read),
        ReportWarning.FILES_LEFT_OUT: not is_complete or any(page.has_file for page in read),
    }
    warnings = tuple(warning for warning, is_so in holds.items() if is_so)
    return DecodedText(text=text, content_type=PDF, warnings=warnings)


class _Page(NamedTuple):
    """`text` is None for a scan: an image and no text. `has_file`: a file is attached to the page."""

    text: str | None
    is_garbled: bool
    has_file: bool


def _read_page(document: pypdfium2.PdfDocument, number: int) -> _Page:
    page = document[number]
    try:
        annotations = read_annotations(page, document.formenv)
        layer = page.get_textpage()
        try:
            text = layer_text(layer, annotations)
            unmapped = is_unmapped(layer)
        finally:
            layer.close()
        text = text.replace(_LINE_END_HYPHEN, "-").replace("\r\n", "\n").replace("\r", "\n").strip()
        if not text and _has_image(page):
            return _Page(None, is_garbled=False, has_file=annotations.has_file)
        return _Page(text, unmapped or is_garbled(text), annotations.has_file)
    finally:
        page.close()


def _has_image(page: pypdfium2.PdfPage) -> bool:
    images = page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_SCANNED_DEPTH)
    return next(iter(images), None) is not None
