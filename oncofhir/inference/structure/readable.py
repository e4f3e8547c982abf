"""The text of a report as readers see it, with its structure.

`text` is as long as the report's own, so that offsets hold for both. What states nothing of the patient
(an option
that is not chosen, a legend, a value that was taken back) is blank in it.
"""

from oncofhir.inference.structure.corrected_side import corrected_sides
from oncofhir.inference.structure.examples import examples
from oncofhir.inference.structure.forms import (
    answered,
    joined_to_labels,
    not_chosen,
    options,
    without_marks,
)
from oncofhir.inference.structure.legends import legends, taken_back
from oncofhir.inference.structure.lists import items
from oncofhir.inference.structure.spelling import replaced, spelled
from oncofhir.inference.structure.tables import cells
from oncofhir.schemas.base import Value
from oncofhir.schemas.structure import StruckSpan, Structure


class ReadableReport(Value):
    """The readable text and the structure it came from."""

    text: str
    structure: Structure


def readable(text: str) -> ReadableReport:
    """The readable text of a report. Pure; linear in the length of the text."""
    written = spelled(text)
    found = tuple(options(written))
    struck = _apart(
        [
            *not_chosen(written, found),
            *legends(written),
            *examples(written),
            *taken_back(written),
            *corrected_sides(written),
        ]
    )
    shown = replaced(written, [(s.start, s.end, _blank(written, s)) for s in struck])
    shown = replaced(shown, list(joined_to_labels(shown, found)))
    shown = without_marks(shown)
    shown = replaced(shown, list(answered(shown)))
    structure = Structure(
        options=found, cells=tuple(cells(shown)), items=tuple(items(shown)), struck=struck
    )
    return ReadableReport(text=shown, structure=structure)


def _blank(text: str, span: StruckSpan) -> str:
    """Blanks in the stretch's place; its line breaks stay."""
    return "".join("\n" if c == "\n" else " " for c in text[span.start : span.end])


def _apart(spans: list[StruckSpan]) -> tuple[StruckSpan, ...]:
    """The spans in order; those that overlap are one."""
    found: list[StruckSpan] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if found and span.start < found[-1].end:
            end = max(found[-1].end, span.end)
            found[-1] = found[-1].model_copy(update={"end": end})
        elif span.end > span.start:
            found.append(span)
    return tuple(found)
