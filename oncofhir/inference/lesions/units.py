"""The stretches of a report that each concern one thing.

Specimen parts, problems of a list, headings that name a side.
"""

import re
from bisect import bisect_right
from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.mentions.laterality import lateralities
from oncofhir.terminology.sites import find_sites

MOST_TUMORS = 8
HEADING = 110
"""Characters of a unit in which its side and organ are named."""
# Two lungs, breasts, kidneys, testes have two primaries; of ovaries and thyroid lobes both are one cancer's.
SECOND_SIDE_IS_SECOND_PRIMARY = frozenset({"breast", "lung", "kidney", "testis"})
_SIDED_HEADING = re.compile(
    r"(?:^|(?<=[.;\n]))[ \t\-*\u2022]{0,8}(?:\d{1,2}[.)][ \t]{1,4})?"
    r"(?P<heading>(?:[A-Za-z, \t()\-]{0,60}[ \t,(\-])?(?:left|right)(?![A-Za-z])[^.:;\n]{0,60}):",
    re.IGNORECASE | re.MULTILINE,
)

_OPERATED = {
    "prostatectomy": "prostate",
    "nephrectomy": "kidney",
    "mastectomy": "breast",
    "lumpectomy": "breast",
    "colectomy": "colon",
    "hemicolectomy": "colon",
    "sigmoidectomy": "colon",
    "gastrectomy": "stomach",
    "cystectomy": "bladder",
    "turbt": "bladder",
    "orchiectomy": "testis",
    "thyroidectomy": "thyroid",
    "hepatectomy": "liver",
    "esophagectomy": "esophagus",
    "oophorectomy": "ovary",
    "laryngectomy": "larynx",
    "glossectomy": "tongue",
    "whipple": "pancreas",
    "pancreatectomy": "pancreas",
    "pneumonectomy": "lung",
    "vulvectomy": "vulva",
    "penectomy": "penis",
    "hysterectomy": "uterus",
}
_PROCEDURE = re.compile(rf"\b(?:{'|'.join(_OPERATED)})\b", re.IGNORECASE)
# Lobes that only lungs have.
_LOBE = re.compile(r"\b(?:(?:upper|middle|lower) lobe|r[uml]l|l[ul]l)\b", re.IGNORECASE)

Stretch = tuple[int, int, str]


class Units:
    """The units of a report; none where it is not divided."""

    def __init__(self, index: ReportIndex) -> None:
        self._index = index

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Stretches with their labels in text order; a label may come again."""
        return sorted(self._parts() or self._items() or self._sides())

    @cached_property
    def is_list(self) -> bool:
        """Whether the units are the problems of a list and not parts of a specimen."""
        return not self._parts() and bool(self._items())

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _, _ in self.stretches]

    def at(self, offset: int) -> str | None:
        """The label of the unit that contains a place."""
        number = bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self.stretches[number][1]:
            return None
        return self.stretches[number][2]

    def start_at(self, offset: int) -> int | None:
        """The offset at which the unit that contains a place begins."""
        number = bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self.stretches[number][1]:
            return None
        return self.stretches[number][0]

    def by_label(self) -> dict[str, list[tuple[int, int]]]:
        """The stretches of each label."""
        units: dict[str, list[tuple[int, int]]] = {}
        for start, end, label in self.stretches:
            units.setdefault(label, []).append((start, end))
        return units

    def _parts(self) -> list[Stretch]:
        return [(part.start, part.end, part.label) for part in self._index.report.parts]

    def _items(self) -> list[Stretch]:
        items = self._index.structure.items
        with_disease = [i for i in items if self._index.malignancies_within(i.start, i.end)]
        if len(with_disease) < 2:  # noqa: PLR2004 - one problem cannot be distinguished from another
            return []
        return [(item.start, item.end, item.label) for item in items]

    def _sides(self) -> list[Stretch]:
        """Stretches below headings that name the side of an organ, up to the next heading or section."""
        text = self._index.text
        heads: list[tuple[int, str | None]] = [
            (match.start("heading"), side_of(match["heading"]))
            for match in _SIDED_HEADING.finditer(text)
            if organ_of(match["heading"]) in SECOND_SIDE_IS_SECOND_PRIMARY
        ]
        if not {"left", "right"} <= {side for _, side in heads}:
            return []
        bounds = sorted({s for s, _ in heads} | {s.start for s in self._index.report.sections})
        bounds.append(len(text))
        return [(start, bounds[bisect_right(bounds, start)], side) for start, side in heads if side]


def organ_of(words: str) -> str | None:
    """The first organ that words name."""
    return next((name for name, _, _ in organs_in(words)), None)


def organs_in(words: str) -> list[tuple[str, int, int]]:
    """The organs that words name, with their offsets: by name, else by a lobe of the lung or an operation."""
    named = [(site.name, start, end) for site, start, end in find_sites(words)]
    if not named:
        named = [("lung", match.start(), match.end()) for match in _LOBE.finditer(words)]
    return named or [
        (_OPERATED[match[0].lower()], match.start(), match.end())
        for match in _PROCEDURE.finditer(words)
    ]


def side_of(words: str) -> str | None:
    """The first side that words name."""
    return next((m.value for m in lateralities(words) if m.value in {"left", "right"}), None)
