"""Which lesions a report distinguishes, and to which of them a place in it belongs.

Lesions are apart when each has an affirmed malignancy in its own unit (a specimen part, a problem of a
list, or below "Left breast:", "Tumor 2:" or "Prostate:"), and the units name two sides of an organ in
which a second side is a second primary, two organs with different histologies, or two histologies that are
never one tumour. Everything else is one lesion whose values compete: margins, further slices, nodes, spread
to a neighbouring organ. A metastasis is a lesion of its own and has findings where the report names no
primary with it.
"""

import re
from bisect import bisect_left
from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.entities import NO_NAMES, Entities, Entity, implied_organ, is_paired
from oncofhir.inference.lesions.relations import NEIGHBOURS, family_of
from oncofhir.inference.lesions.units import (
    HEADING,
    MOST_TUMORS,
    SECOND_SIDE_IS_SECOND_PRIMARY,
    Units,
    organ_of,
    side_of,
)
from oncofhir.inference.mentions.neoplasm import benign
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.lesion import Behaviour

_OF_NODES = re.compile(r"\bnodes?\b|axilla", re.IGNORECASE)
_FAR_SITES = re.compile(r"\bnodes?\b|margin|metasta", re.IGNORECASE)


class Tumor(Value):
    """One tumour that the report distinguishes: its label for `Finding.part`, and its side if known."""

    label: str
    side: str | None


class LesionSet:
    """The lesions that a report distinguishes; `several` is empty when it describes one or none."""

    def __init__(self, index: ReportIndex) -> None:
        self.index = index
        self.units = Units(index)
        self.entities = Entities(index, self.units)

    @cached_property
    def primaries(self) -> tuple[Entity, ...]:
        """The current neoplasms that are no metastases."""
        return tuple(e for e in self.entities.current if e.behaviour is not Behaviour.METASTATIC)

    @cached_property
    def is_metastatic_only(self) -> bool:
        """Whether the report names metastases and no primary of its own."""
        metastatic = [e for e in self.entities.current if e.behaviour is Behaviour.METASTATIC]
        if not metastatic:
            return False
        named = [e for e in self.primaries if not self._is_generic(e)]
        return not named

    def _is_generic(self, entity: Entity) -> bool:
        """Whether it only repeats a metastasis.

        "infiltrates of carcinoma, consistent with metastasis of ...".
        """
        if not entity.neoplasm.is_generic:
            return False
        if entity.neoplasm.name in NO_NAMES:
            return True
        first, last = self.index.clause_at(entity.start)
        return entity.organ is None or any(
            e.behaviour is Behaviour.METASTATIC and first <= e.start < last
            for e in self.entities.current
        )

    @cached_property
    def several(self) -> tuple[Tumor, ...]:
        """The lesions in the order in which they are first headed, at most `MOST_TUMORS`; () if only one."""
        return tuple(Tumor(label=h.label, side=h.side) for h in self._apart)

    def at(self, offset: int) -> str | None:
        """The label of the lesion that a place belongs to; None where the report does not say."""
        unit = self.units.at(offset)
        return None if unit is None else self._owner.get(unit)

    def has_no_lesion(self, offset: int) -> bool:
        """Whether the place is in a unit that has no current malignancy, while another has one."""
        unit = self.units.at(offset)
        if unit is None or unit in self._malignant_units or not self._malignant_units:
            return False
        return unit not in self._owner or self.units.is_list or unit in self._benign_units

    def is_below_the_parts(self, offset: int) -> bool:
        """Whether the place is in a line below the last part, in a report of one tumour.

        Receptors are reported of invasive cancer (CAP, Breast Biomarker Reporting): below "B. Sentinel lymph
        nodes: no carcinoma", a line of its own is of the report's only tumour and not of the nodes.
        """
        start = self.units.start_at(offset)
        if start is None or self.units.is_list or self.several:
            return False
        is_last = self.units.stretches[-1][0] == start
        return is_last and "\n" in self.index.text[start:offset].lstrip()

    @cached_property
    def _benign_units(self) -> frozenset[str]:
        """The units that name something benign and no malignancy at all."""
        named = {e.unit for e in self.entities.all}
        units = {self.units.at(start) for start, _ in benign(self.index.text)}
        return frozenset(u for u in units if u is not None and u not in named)

    @cached_property
    def _malignant_units(self) -> frozenset[str]:
        """Those with a primary; with a metastasis where the report has no primary."""
        own = self.entities.current if self.is_metastatic_only else self.primaries
        return frozenset(e.unit for e in own if e.unit is not None)

    def of(self, label: str | None) -> tuple[Entity, ...]:
        """The current entities of a lesion; all of them where the report does not tell several apart."""
        if label is None or not self.several:
            if not self.is_metastatic_only:
                return self.primaries
            return tuple(e for e in self.entities.current if e.behaviour is Behaviour.METASTATIC)
        return tuple(e for e in self.primaries if self.at(e.start) == label)

    def without_malignancy(self) -> Rejection | None:
        """Why the report states no current malignancy of the patient; None when it does.

        Ungrounded where it names none at all.
        """
        if self.entities.current:
            return None
        return next((e.rejection for e in self.entities.all if e.rejection), Rejection.UNGROUNDED)

    @cached_property
    def _headings(self) -> list["_Heading"]:
        return [self._heading(label, spans) for label, spans in self.units.by_label().items()]

    def _heading(self, unit: str, spans: list[tuple[int, int]]) -> "_Heading":
        heads = [self.index.text[start : min(end, start + HEADING)] for start, end in spans]
        own = [
            e
            for e in self.primaries
            if e.unit == unit and not self._is_of_nodes_or_margin(e, spans)
        ]
        organs = [o for o in (e.organ for e in own if not e.neoplasm.is_generic) if o]
        if not organs or not self.units.is_list:
            organs = [organ for head in heads if (organ := organ_of(head))] + organs
        sides = [side for head in heads if (side := side_of(head))]
        is_node = (
            any(_OF_NODES.search(head[: HEADING // 2]) for head in heads) and not self.units.is_list
        )
        return _Heading(
            label=unit,
            organ=organs[0] if organs else None,
            side=sides[0] if sides else None,
            histology=own[0].neoplasm.name if own and not is_node else None,
            has_category=any(self._has_category(start, end) for start, end in spans),
        )

    def _has_category(self, start: int, end: int) -> bool:
        """Whether a unit has a T category of its own: what is staged apart is a tumour of its own."""
        position = bisect_left(self._categories, start)
        return position < len(self._categories) and self._categories[position] < end

    @cached_property
    def _categories(self) -> list[int]:
        """Where T categories stand."""
        mentions = self.index.mentions(Kind.CANCER_STAGE)
        return sorted(mention.start for mention in mentions if mention.slot == "t")

    def _is_of_nodes_or_margin(self, entity: Entity, spans: list[tuple[int, int]]) -> bool:
        first, _ = self.index.sentence_at(entity.start, entity.neoplasm.end)
        begins = max([first, *(s for s, e in spans if s <= entity.start < e)])
        return _FAR_SITES.search(self.index.text[begins : entity.start]) is not None

    @cached_property
    def _apart(self) -> list["_Heading"]:
        apart: list[_Heading] = []
        for heading in self._headings:
            if heading.histology and all(self._are_apart(heading, other) for other in apart):
                apart.append(heading)
        return apart[:MOST_TUMORS] if len(apart) > 1 else []

    @cached_property
    def _owner(self) -> dict[str, str]:
        """The lesion of each unit: its own, else the only one on its side, or in its organ."""
        owner: dict[str, str] = {}
        for heading in self._headings:
            fitting = [t for t in self._apart if t.label == heading.label] or [
                t
                for t in self._apart
                if not self.units.is_list
                and not self._are_apart(heading, t)
                and _shares(heading, t)
            ]
            if len(fitting) == 1:
                owner[heading.label] = fitting[0].label
        return owner

    def _are_apart(self, one: "_Heading", other: "_Heading") -> bool:
        if one.side and other.side and one.side != other.side:
            organs = {organ for organ in (one.organ, other.organ) if organ}
            if len(organs) <= 1 and organs & SECOND_SIDE_IS_SECOND_PRIMARY:
                return True
        families = {family_of(h.histology) for h in (one, other) if h.histology}
        if len(families) > 1 and None not in families:
            return True
        if not one.organ or not other.organ or one.organ == other.organ:
            return False
        if self.units.is_list:
            return not any({one.organ, other.organ} <= n for n in NEIGHBOURS[:2])
        if any({one.organ, other.organ} <= neighbours for neighbours in NEIGHBOURS):
            return one.has_category and other.has_category
        return not one.histology or not other.histology or one.histology != other.histology


class _Heading(Value):
    """What a unit's heading names; `histology` only where it has a malignancy of its own."""

    label: str
    organ: str | None
    side: str | None
    histology: str | None
    has_category: bool = False


def _shares(one: _Heading, other: _Heading) -> bool:
    if one.side and other.side:
        return one.side == other.side
    return one.organ is not None and one.organ == other.organ


__all__ = ["LesionSet", "Tumor", "family_of", "implied_organ", "is_paired"]
