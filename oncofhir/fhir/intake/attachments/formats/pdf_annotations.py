"""Values of a PDF's form fields (AcroForm), which are no part of the text layer, beside their labels.

Source: ISO 32000-1, 12.5.3 (annotation flags) and 12.7.4 (field types); PDFium's fpdf_annot.h.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

CHECKED, UNCHECKED = "\u2612", "\u2610"
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
_FAR = (
    250.0  # points between a field and what stands before it, or the other way round, on its line
)
_MOST_FIELDS = 2_000  # of one page


@dataclass(frozen=True)
class _Field:
    """What a field shows, and where: points from the page's lower left corner."""

    value: str
    left: float
    bottom: float
    right: float
    top: float


def text_with_form_fields(
    page: pypdfium2.PdfPage, layer: pypdfium2.PdfTextPage, form: pypdfium2.PdfDocument
) -> str:
    """The page's text with the value of each visible field where it stands.

    A field goes behind the character before it on its line, or in front of the one after it; one with
    no text on its line goes to the end. `form` is the document's form environment.
    """
    fields = list(_fields(page, form))
    placed: dict[int, list[str]] = {}
    apart: list[str] = []
    for field in fields:
        index = _index(layer, field)
        if index is None:
            apart.append(field.value)
        else:
            placed.setdefault(index, []).append(field.value)
    pieces: list[str] = []
    start = 0
    for index in sorted(placed):
        before = layer.get_text_range(start, index - start, errors="replace") if index else ""
        pieces += [before, *(f" {value} " for value in placed[index])]
        start = index
    count = layer.count_chars()
    if start < count:
        pieces.append(layer.get_text_range(start, count - start, errors="replace"))
    return "\n".join(["".join(pieces), *apart])


def _fields(page: pypdfium2.PdfPage, form: pypdfium2.PdfDocument) -> Iterator[_Field]:
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_FIELDS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        try:
            value = _value(annotation, form)
            box = pdfium.FS_RECTF()
            if value and pdfium.FPDFAnnot_GetRect(annotation, box):
                yield _Field(value, box.left, box.bottom, box.right, box.top)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _value(annotation: object, form: pypdfium2.PdfDocument) -> str:
    """What the field shows; nothing for buttons, passwords, and fields that are not shown."""
    if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
        return ""
    if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
        return ""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        return CHECKED if pdfium.FPDFAnnot_IsChecked(form, annotation) else UNCHECKED
    if kind not in _WRITTEN or pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return ""
    size = pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAnnot_GetFormFieldValue(
        form, annotation, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size
    )
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0").strip()


def _index(layer: pypdfium2.PdfTextPage, field: _Field) -> int | None:
    """Before which character of the layer a field's value belongs."""
    middle, half = (field.bottom + field.top) / 2, max(abs(field.top - field.bottom) / 2, 1.0)
    for edge in (field.left, field.right):
        nearest: int = pdfium.FPDFText_GetCharIndexAtPos(layer, edge, middle, _FAR, half)
        if nearest >= 0:
            return nearest + 1 if layer.get_charbox(nearest)[0] < field.left else nearest
    return None
