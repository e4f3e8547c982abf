"""Which tumours a report tells apart, and to which of them a place in it belongs.

Tumours are apart when each has an affirmed malignancy under its own heading (a specimen part, or "Left
breast:" where there are no parts), and the headings name two sides of an organ in which a second side is
a second primary, or two organs with different histologies. Everything else is one tumour whose values
compete: margins, further slices, nodes, metastases, spread to a neighbouring organ.
"""

import re
from bisect import bisect_right
from functools import cached_property

from oncofhir.inference.interpretation.candidates import MOST_TUMORS
from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.interpretation.site_and_histology import NODES, first_histology
from oncofhir.inference.mentions.laterality import lateralities
from oncofhir.schemas.base import Value
from oncofhir.terminology.sites import find_sites

_BEFORE = 60  # characters before a malignancy's word that may belong to its name
_HEADING = 100  # characters of a part in which its side and organ are named
# Two lungs, breasts, kidneys, testes have two primaries; of ovaries and thyroid lobes both are one cancer's.
_SECOND_SIDE_IS_SECOND_PRIMARY = frozenset({"breast", "lung", "kidney", "testis"})
# Organs to which one cancer grows on.
_NEIGHBOURS = (
    frozenset({"uterus", "endometrium", "cervix", "ovary", "fallopian tube", "peritoneum"}),
    frozenset({"cervix", "vagina", "vulva", "bladder", "rectum"}),
    frozenset({"esophagus", "gastroesophageal junction", "stomach", "small intestine", "peritoneum"}),
    frozenset(
        {"colon", "rectosigmoid junction", "rectum", "appendix", "small intestine", "peritoneum", "bladder"}
    ),
    frozenset({"kidney", "renal pelvis", "bladder", "adrenal gland", "prostate"}),
    frozenset({"lung", "pleura", "thymus", "bone"}),
    frozenset({"liver", "bile duct", "pancreas", "small intestine", "stomach", "spleen"}),
    frozenset({"tongue", "oral cavity", "pharynx", "larynx", "thyroid", "bone", "skin", "soft tissue"}),
    frozenset({"breast", "skin", "soft tissue", "bone"}),
    frozenset({"brain", "spinal cord", "eye"}),
)  # fmt: skip
_SIDED_HEADING = re.compile(
    r"(?:^|(?<=[.;\n]))[ \t\-*\u2022]{0,8}(?:\d{1,2}[.)][ \t]{1,4})?"
    r"(?P<heading>(?:[A-Za-z, \t()\-]{0,60}[ \t,(\-])?(?:left|right)(?![A-Za-z])[^.:;\n]{0,60}):",
    re.IGNORECASE | re.MULTILINE,
)


class Tumor(Value):
    """One tumour: its label for `Finding.part`, its side if the heading names one."""

    label: str
    side: str | None


class Tumors:
    """The tumours that a report tells apart; none when it speaks of one, or of none."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @cached_property
    def several(self) -> tuple[Tumor, ...]:
        """The tumours in the order in which they are first headed, at most `MOST_TUMORS`; () if only one."""
        return tuple(Tumor(label=h.label, side=h.side) for h in self._apart)

    def at(self, offset: int) -> str | None:
        """The label of the tumour that a place belongs to; None where the report does not say."""
        starts, stretches = self._stretches
        index = bisect_right(starts, offset) - 1
        if index < 0 or offset >= stretches[index][1]:
            return None
        return self._owner.get(stretches[index][2])

    def spans(self, label: str) -> tuple[tuple[int, int], ...]:
        """The stretches that speak of a tumour."""
        return tuple((s, e) for s, e, unit in self._stretches[1] if self._owner.get(unit) == label)

    @cached_property
    def _stretches(self) -> tuple[list[int], list[tuple[int, int, str]]]:
        found = sorted(self._parts() or self._sides())
        return [start for start, _, _ in found], found

    def _parts(self) -> list[tuple[int, int, str]]:
        return [(part.start, part.end, part.label) for part in self._reading.report.parts]

    def _sides(self) -> list[tuple[int, int, str]]:
        """Stretches below headings that name the side of an organ, up to the next heading or section."""
        text = self._reading.text
        heads: list[tuple[int, str | None]] = [
            (match.start("heading"), _side_of(match["heading"]))
            for match in _SIDED_HEADING.finditer(text)
            if _organ_of(match["heading"]) in _SECOND_SIDE_IS_SECOND_PRIMARY
        ]
        if not {"left", "right"} <= {side for _, side in heads}:
            return []
        bounds = sorted({s for s, _ in heads} | {s.start for s in self._reading.report.sections})
        bounds.append(len(text))
        return [(start, bounds[bisect_right(bounds, start)], side) for start, side in heads if side]

    @cached_property
    def _headings(self) -> list["_Heading"]:
        units: dict[str, list[tuple[int, int]]] = {}
        for start, end, unit in self._stretches[1]:
            units.setdefault(unit, []).append((start, end))
        return [self._heading(unit, spans) for unit, spans in units.items()]

    def _heading(self, unit: str, spans: list[tuple[int, int]]) -> "_Heading":
        heads = [self._reading.text[start : min(end, start + _HEADING)] for start, end in spans]
        organs = [organ for head in heads if (organ := _organ_of(head))]
        sides = [side for head in heads if (side := _side_of(head))]
        return _Heading(
            label=unit,
            organ=organs[0] if organs else None,
            side=sides[0] if sides else None,
            histology=self._histology(spans) if not any(map(_is_of_nodes, heads)) else None,
        )

    def _histology(self, spans: list[tuple[int, int]]) -> str | None:
        """The first malignancy of its own that is affirmed: no metastasis, nothing at a margin only."""
        for start, end in spans:
            for place in self._reading.malignancies_within(start, end):
                first, _ = self._reading.sentence_at(*place)
                before = self._reading.text[max(start, first) : place[0]]
                if self._reading.assertion(*place) is None and not NODES.search(before):
                    return first_histology(
                        self._reading.text[max(start, place[0] - _BEFORE) : place[1]]
                    )
        return None

    @cached_property
    def _apart(self) -> list["_Heading"]:
        apart: list[_Heading] = []
        for heading in self._headings:
            if heading.histology and all(_are_apart(heading, other) for other in apart):
                apart.append(heading)
        return apart[:MOST_TUMORS] if len(apart) > 1 else []

    @cached_property
    def _owner(self) -> dict[str, str]:
        """The tumour of each unit: its own, else the only one on its side, or in its organ."""
        owner: dict[str, str] = {}
        for heading in self._headings:
            fitting = [t for t in self._apart if t.label == heading.label] or [
                t for t in self._apart if not _are_apart(heading, t) and _shares(heading, t)
            ]
            if len(fitting) == 1:
                owner[heading.label] = fitting[0].label
        return owner


class _Heading(Value):
    """What a unit's heading names; `histology` only where it has a malignancy of its own."""

    label: str
    organ: str | None
    side: str | None
    histology: str | None


def _are_apart(one: _Heading, other: _Heading) -> bool:
    if one.side and other.side and one.side != other.side:
        organs = {organ for organ in (one.organ, other.organ) if organ}
        if len(organs) <= 1:
            return bool(organs & _SECOND_SIDE_IS_SECOND_PRIMARY)
    if not one.organ or not other.organ or one.organ == other.organ:
        return False
    if any({one.organ, other.organ} <= neighbours for neighbours in _NEIGHBOURS):
        return False
    return not one.histology or not other.histology or one.histology != other.histology


def _shares(one: _Heading, other: _Heading) -> bool:
    if one.side and other.side:
        return one.side == other.side
    return one.organ is not None and one.organ == other.organ


def _organ_of(heading: str) -> str | None:
    return next((site.name for site, _, _ in find_sites(heading)), None)


def _side_of(heading: str) -> str | None:
    return next((m.value for m in lateralities(heading) if m.value in {"left", "right"}), None)


def _is_of_nodes(heading: str) -> bool:
    return re.search(r"\bnodes?\b|axilla", heading[: _HEADING // 2], re.IGNORECASE) is not None
