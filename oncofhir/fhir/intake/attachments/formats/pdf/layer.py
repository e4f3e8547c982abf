"""The text layer of a PDF page, with the values of its form fields and without what is struck out."""

from itertools import groupby

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from oncofhir.fhir.intake.attachments.formats.pdf.annotations import Annotations, Box

_FAR = 250.0  # points between a field and the text next to it on its line


def layer_text(layer: pypdfium2.PdfTextPage, annotations: Annotations) -> str:
    """Return the text of a page; fields stand in it, remarks at its end.

    A field goes behind the character before it on its line, or in front of the one after it; one without
    text on its line goes to the end.
    """
    placed: dict[int, list[str]] = {}
    apart: list[str] = []
    for value, box in annotations.fields:
        index = _index(layer, box)
        if index is None:
            apart.append(value)
        else:
            placed.setdefault(index, []).append(value)
    struck_out = _struck_out(layer, annotations.struck_out)
    pieces: list[str] = []
    start = 0
    for index in sorted(placed):
        pieces += [_between(layer, start, index, struck_out)]
        pieces += [f" {value} " for value in placed[index]]
        start = index
    pieces.append(_between(layer, start, layer.count_chars(), struck_out))
    text = "\n".join(["".join(pieces), *apart])
    # A highlight may repeat the text that it marks.
    known = _words(text)
    return "\n".join([text, *(r for r in annotations.remarks if _words(r) not in known)])


def _words(text: str) -> str:
    return " ".join(text.split())


def _between(layer: pypdfium2.PdfTextPage, start: int, end: int, struck_out: set[int]) -> str:
    """Return the text of the characters from `start` to `end`, without those that are struck out."""
    if not struck_out:
        return _text(layer, start, end)
    runs = (list(run) for _, run in groupby(range(start, end), struck_out.__contains__))
    return "".join(_text(layer, run[0], run[-1] + 1) for run in runs if run[0] not in struck_out)


def _text(layer: pypdfium2.PdfTextPage, start: int, end: int) -> str:
    if end <= start:
        return ""
    text: str = layer.get_text_range(start, end - start, errors="replace")
    return text


def _struck_out(layer: pypdfium2.PdfTextPage, areas: tuple[Box, ...]) -> set[int]:
    """Return the characters whose middle is in one of the areas."""
    if not areas:
        return set()
    found: set[int] = set()
    for index in range(layer.count_chars()):
        left, bottom, right, top = layer.get_charbox(index)
        x, y = (left + right) / 2, (bottom + top) / 2
        if any(area.holds(x, y) for area in areas):
            found.add(index)
    return found


def _index(layer: pypdfium2.PdfTextPage, box: Box) -> int | None:
    """Return before which character of the layer a field's value belongs."""
    middle, half = (box.bottom + box.top) / 2, max(abs(box.top - box.bottom) / 2, 1.0)
    for edge in (box.left, box.right):
        nearest: int = pdfium.FPDFText_GetCharIndexAtPos(layer, edge, middle, _FAR, half)
        if nearest >= 0:
            return nearest + 1 if layer.get_charbox(nearest)[0] < box.left else nearest
    return None
