"""The stretches of a report that each concern one thing.

Specimen parts, problems of a list, headings that name a side.
"""

import re
from bisect import bisect_right
from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.relations import NEIGHBOURS, family_of
from oncofhir.inference.mentions.laterality import lateralities
from oncofhir.inference.mentions.neoplasm import neoplasms
from oncofhir.schemas.lesion import Behaviour
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

_BARE_SIDE = re.compile(
    r"(?:^|(?<=[.;\n]))[ \t\-*\u2022]{0,8}"
    r"(?P<heading>(?:left|right)[ \t](?:breast|lung|kidney|testis|testicle)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_TUMOR_HEADING = re.compile(
    r"(?:^|(?<=[.;:\n]))[ \t\-*\u2022]{0,8}(?:tumou?r|lesion|mass|focus)[ ](?:no\.? ?|# ?)?"
    r"(?P<label>[A-H]|[1-8]|I{1,3})"
    r"(?:[ ]\([^)\n]{0,40}\))?[ ]?:",
    re.IGNORECASE | re.MULTILINE,
)
_ORGAN_HEADING = re.compile(
    r"(?:^|(?<=[.;\n]))[ \t\-*\u2022]{0,8}(?:\d{1,2}[.)][ \t]{1,4})?"
    r"(?P<heading>[A-Za-z][A-Za-z, \t()\-]{1,60}):",
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
_METASTATIC = re.compile(r"\bmetasta(?:tic|s[ie]s)\b", re.IGNORECASE)
_NO_ORGAN_HEADING = re.compile(
    r"\b(?:nodes?|margins?|history|procedures?|metasta\w*|specimens?|received|washings?|fluid)\b",
    re.IGNORECASE,
)
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
        return sorted(
            self._parts() or self._items() or self._tumors or self._sides() or self._organs()
        )

    @cached_property
    def is_list(self) -> bool:
        """Whether the units are the problems of a list and not parts of a specimen."""
        return not self._parts() and bool(self._items())

    @cached_property
    def is_of_one_organ(self) -> bool:
        """Whether the units are tumors that are numbered below the name of their organ."""
        return bool(self._tumors) and not self._parts() and not self._items()

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

    @cached_property
    def _tumors(self) -> list[Stretch]:
        """Stretches below "Tumor A:", where two of them have a malignancy."""
        heads = [
            (match.start(), f"tumor {match['label'].lower()}")
            for match in _TUMOR_HEADING.finditer(self._index.text)
        ]
        stretches = self._below(heads)
        return stretches if len({label for label, *_ in self._primaries(stretches)}) > 1 else []

    def _sides(self) -> list[Stretch]:
        """Stretches below headings that name the side of an organ, up to the next heading or section.

        Without such headings those that begin so: "Left breast IDC grade 1; right breast IDC grade 3."
        """
        headed = self._sided(_SIDED_HEADING)
        if headed:
            return headed
        bare = self._sided(_BARE_SIDE)
        with_disease = {label for label, *_ in self._primaries(bare)}
        return bare if {"left", "right"} <= with_disease else []

    def _sided(self, pattern: re.Pattern[str]) -> list[Stretch]:
        heads = [
            (match.start("heading"), side)
            for match in pattern.finditer(self._index.text)
            if organ_of(match["heading"]) in SECOND_SIDE_IS_SECOND_PRIMARY
            and (side := side_of(match["heading"])) is not None
        ]
        return self._below(heads) if {"left", "right"} <= {side for _, side in heads} else []

    def _organs(self) -> list[Stretch]:
        """Stretches below headings that name one organ.

        Only where two have primaries that are never one tumor, or one a primary and another a metastasis.
        """
        heads = []
        for match in _ORGAN_HEADING.finditer(self._index.text):
            named = {site.name for site, _, _ in find_sites(match["heading"])}
            if len(named) == 1 and not _NO_ORGAN_HEADING.search(match["heading"]):
                heads.append((match.start("heading"), named.pop()))
        if len({organ for _, organ in heads}) < 2:  # noqa: PLR2004 - one organ cannot be told from another
            return []
        stretches = self._below(heads)
        primaries = self._primaries(stretches)
        is_elsewhere = any(
            organ not in {own for own, _ in primaries}
            and _METASTATIC.search(self._index.text, start, end)
            for start, end, organ in stretches
        )
        return stretches if _are_two_tumors(primaries) or (primaries and is_elsewhere) else []

    def _primaries(self, stretches: list[Stretch]) -> set[tuple[str, int | None]]:
        """The label of each stretch that names a current primary, and the family of its histology."""
        return {
            (label, family_of(found.name))
            for start, end, label in stretches
            for found in neoplasms(self._index.text[start:end])
            if found.behaviour is not Behaviour.METASTATIC
            and not found.is_generic
            and self._index.rejection(start + found.start, start + found.end) is None
        }

    def _below(self, heads: list[tuple[int, str]]) -> list[Stretch]:
        """The stretches from each heading to the next or to the end of its section."""
        text = self._index.text
        bounds = sorted({s for s, _ in heads} | {s.start for s in self._index.report.sections})
        bounds.append(len(text))
        return [(start, bounds[bisect_right(bounds, start)], label) for start, label in heads]


def _are_two_tumors(primaries: set[tuple[str, int | None]]) -> bool:
    """Whether two organs have histologies of two families, or of one family but do not border each other."""
    return any(
        one != other
        and None not in {family, other_family}
        and (family != other_family or not any({one, other} <= near for near in NEIGHBOURS))
        for one, family in primaries
        for other, other_family in primaries
    )


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
