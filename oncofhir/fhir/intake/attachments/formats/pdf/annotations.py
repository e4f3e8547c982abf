"""Annotations of a PDF page: values of form fields, words of comments, and text that is struck out.

Source: ISO 32000-1, 12.5.3 (annotation flags), 12.5.6 (annotation types) and 12.7.4 (field types); PDFium's
fpdf_annot.h.
"""

import ctypes
from dataclasses import dataclass

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from oncofhir.fhir.intake.attachments.formats.symbol_fonts import CHECKED, UNCHECKED

_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13
_BOXES = frozenset({pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON})
_WRITTEN = frozenset(
    {
        pdfium.FPDF_FORMFIELD_TEXTFIELD,
        pdfium.FPDF_FORMFIELD_COMBOBOX,
        pdfium.FPDF_FORMFIELD_LISTBOX,
    }
)
# Their words are not a remark of a person, repeat another annotation, or are the words that are struck out.
_WITHOUT_WORDS = frozenset(
    {
        pdfium.FPDF_ANNOT_LINK,
        pdfium.FPDF_ANNOT_POPUP,
        pdfium.FPDF_ANNOT_WIDGET,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_REDACT,
        pdfium.FPDF_ANNOT_FILEATTACHMENT,
    }
)
_MAX_ANNOTATIONS = 2_000  # of one page
_MAX_QUADS = 200  # of one annotation


@dataclass(frozen=True)
class Box:
    """A rectangle in points from the lower left corner of the page."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.bottom <= y <= self.top


@dataclass(frozen=True)
class Annotations:
    """What the annotations of a page add to its text, and which areas they strike out.

    `has_file` states that a file is attached to a place on the page.
    """

    fields: tuple[tuple[str, Box], ...] = ()
    remarks: tuple[str, ...] = ()
    struck_out: tuple[Box, ...] = ()
    has_file: bool = False


def read_annotations(page: pypdfium2.PdfPage, form: pypdfium2.PdfDocument | None) -> Annotations:
    """Read the annotations that a reader sees; `form` is the form environment of the document."""
    fields: list[tuple[str, Box]] = []
    remarks: dict[str, None] = {}
    struck_out: list[Box] = []
    has_file = False
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        try:
            if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            if kind == pdfium.FPDF_ANNOT_WIDGET and form is not None:
                value, box = _value(annotation, form), _box(annotation)
                if value and box is not None:
                    fields.append((value, box))
            elif kind == pdfium.FPDF_ANNOT_STRIKEOUT:
                struck_out += _quads(annotation)
            has_file = has_file or kind == pdfium.FPDF_ANNOT_FILEATTACHMENT
            if kind not in _WITHOUT_WORDS and (words := _contents(annotation)):
                remarks[words] = None
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return Annotations(tuple(fields), tuple(remarks), tuple(struck_out), has_file)


def _box(annotation: object) -> Box | None:
    box = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(annotation, box):
        return None
    return Box(box.left, box.bottom, box.right, box.top)


def _quads(annotation: object) -> list[Box]:
    found: list[Box] = []
    for number in range(min(pdfium.FPDFAnnot_CountAttachmentPoints(annotation), _MAX_QUADS)):
        quad = pdfium.FS_QUADPOINTSF()
        if pdfium.FPDFAnnot_GetAttachmentPoints(annotation, number, quad):
            xs, ys = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            found.append(Box(min(xs), min(ys), max(xs), max(ys)))
    return found


def _contents(annotation: object) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", _characters(buffer), size)
    return _text(buffer)


def _value(annotation: object, form: pypdfium2.PdfDocument) -> str:
    """Return what a field shows; nothing for buttons and passwords."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        return CHECKED if pdfium.FPDFAnnot_IsChecked(form, annotation) else UNCHECKED
    if kind not in _WRITTEN or pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return ""
    size = pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, _characters(buffer), size)
    return _text(buffer)


def _characters(buffer: "ctypes.Array[ctypes.c_char]") -> object:
    return ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))


def _text(buffer: "ctypes.Array[ctypes.c_char]") -> str:
    text = buffer.raw.decode("utf-16-le", "replace").rstrip("\0").strip()
    return text.replace("\r\n", "\n").replace("\r", "\n")
