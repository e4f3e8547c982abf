"""Charts of agreement as SVG, drawn on the server: stacked bars with a label for each."""

from collections.abc import Iterable, Sequence

from oncofhir.schemas.base import Value
from oncofhir.schemas.review import Agreement

WIDTH = 720
ROW = 34
_LABEL = 210
_TOTAL = 60
JUDGED = ("confirmed", "corrected", "refuted", "missed")


class Segment(Value):
    """One part of a bar: the class of its colour, its count, and its position in pixels."""

    name: str
    count: int
    x: float
    width: float


class Bar(Value):
    """One row of the chart. `total` counts its findings."""

    label: str
    y: int
    total: int
    segments: tuple[Segment, ...]


def bars(rows: Sequence[tuple[str, Agreement]]) -> list[Bar]:
    """Lay out one bar for each label; all bars share one scale, so that their lengths compare."""
    longest = max((_judged(row) for _, row in rows), default=0) or 1
    scale = (WIDTH - _LABEL - _TOTAL) / longest
    return [
        Bar(
            label=label,
            y=n * ROW,
            total=_judged(row),
            segments=tuple(_segments(row, scale)),
        )
        for n, (label, row) in enumerate(rows)
    ]


def _segments(row: Agreement, scale: float) -> Iterable[Segment]:
    x = float(_LABEL)
    for name in JUDGED:
        count = getattr(row, name)
        if count:
            width = count * scale
            yield Segment(name=name, count=count, x=round(x, 1), width=round(width, 1))
            x += width


def _judged(row: Agreement) -> int:
    return sum(getattr(row, name) for name in JUDGED)


def summed(rows: Iterable[Agreement]) -> Agreement | None:
    """The sum of several rows, without a kappa, which cannot be added; None of none."""
    found = list(rows)
    if not found:
        return None
    counted = (*JUDGED, "unsure", "unreviewed", "double_reviewed")
    sums = {name: sum(getattr(row, name) for row in found) for name in counted}
    return found[0].model_copy(update={**sums, "kappa": None})
