"""The attributes of lesions: each mention with the lesion it belongs to, or why it is no fact."""

import re
from bisect import bisect_left
from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.entities import SYSTEMIC, Entity, is_paired
from oncofhir.inference.lesions.lesion_set import LesionSet
from oncofhir.inference.lesions.precedence import Rank, rank
from oncofhir.inference.lesions.relations import with_neighbours
from oncofhir.inference.lesions.side_target import (
    is_of_another_thing,
    is_of_benign,
    is_of_metastasis,
)
from oncofhir.inference.lesions.size_target import TUMOR, tumour_size_weight
from oncofhir.inference.mentions import Mention
from oncofhir.inference.mentions.laterality import DENIED, lateralities
from oncofhir.inference.mentions.neoplasm import benign
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.sites import find_sites

MOST_FACTS = 4000
_NEOADJUVANT = re.compile(r"^[arc]*y|T0", re.IGNORECASE)
_OF_UNIT = frozenset(
    {Kind.TUMOR_SIZE, Kind.CANCER_GRADE, Kind.TUMOR_LATERALITY, Kind.HORMONE_RECEPTOR}
)
_SIDES = frozenset({"left", "right"})
_OF_ORGAN = frozenset({Kind.TUMOR_SIZE, Kind.TUMOR_LATERALITY})
_LENT = frozenset(
    {Rejection.HISTORICAL, Rejection.FAMILY, Rejection.UNCERTAIN, Rejection.HYPOTHETICAL}
)


class Fact(Value):
    """A mention of an attribute: the lesion's label, and why it is no current fact (None: it is one)."""

    mention: Mention
    rejection: Rejection | None
    rank: Rank
    label: str | None


class Facts:
    """The attributes that a report gives its lesions."""

    def __init__(self, lesions: LesionSet) -> None:
        self._lesions = lesions
        self._index: ReportIndex = lesions.index
        self._facts: dict[Kind, tuple[Fact, ...]] = {}
        self._known_organs: dict[str | None, frozenset[str]] = {}
        self._known_systemic: dict[str | None, bool] = {}

    def of(self, kind: Kind) -> tuple[Fact, ...]:
        """All mentions of a kind as facts, the weightiest first; affirmed ones before the others."""
        if kind not in self._facts:
            mentions = list(self._index.mentions(kind))
            if len(mentions) > MOST_FACTS:
                mentions.sort(key=lambda m: self._index.authority(m.start), reverse=True)
            counts: dict[tuple[str | None, str], int] = {}
            for mention in mentions[:MOST_FACTS]:
                counts[mention.key] = counts.get(mention.key, 0) + 1
            facts = [self._fact(kind, m, counts[m.key]) for m in mentions[:MOST_FACTS]]
            facts.sort(key=lambda f: (f.rejection is None, f.rank), reverse=True)
            self._facts[kind] = tuple(facts)
        return self._facts[kind]

    def best(self, kind: Kind, label: str | None) -> dict[str | None, Fact]:
        """The fact of each slot that counts for a lesion."""
        best: dict[str | None, Fact] = {}
        for fact in self.of(kind):
            if fact.rejection is None and (fact.label == label or fact.label is None):
                known = best.get(fact.mention.slot)
                if known is None or (known.label is None and fact.label is not None):
                    best[fact.mention.slot] = fact
        return best

    def is_in_situ(self, label: str | None) -> bool:
        """Whether a lesion is in situ.

        By its names, or by Tis and Ta where no name says that it is invasive.
        """
        named = [e for e in self._lesions.of(label) if e.behaviour is not Behaviour.METASTATIC]
        if not named:
            return False
        invasive = [e for e in named if e.behaviour is Behaviour.INVASIVE]
        if all(e.neoplasm.is_generic for e in invasive) and len(invasive) < len(named):
            return True
        if any("invasive" in e.neoplasm.name or "infiltrat" in e.neoplasm.name for e in invasive):
            return False
        values = {f.mention.value.lower().lstrip("ypcra") for f in self._stage_facts(label)}
        return bool(values) and values <= {"tis", "ta"}

    def _stage_facts(self, label: str | None) -> list[Fact]:
        return [
            f
            for f in self.of(Kind.CANCER_STAGE)
            if f.mention.slot == "t" and f.rejection is None and f.label in {label, None}
        ]

    def _fact(self, kind: Kind, mention: Mention, count: int) -> Fact:
        label = self._lesions.at(mention.start)
        weight = 0.0
        if kind is Kind.TUMOR_SIZE:
            weight = TUMOR
            if not self._in_cell(mention):
                weight = tumour_size_weight(
                    self._index.text, mention, in_situ=self._are_all_in_situ
                )
        return Fact(
            mention=mention,
            rejection=self._rejection(kind, mention, weight),
            rank=rank(self._index, kind, mention, weight, count),
            label=label,
        )

    @cached_property
    def _are_all_in_situ(self) -> bool:
        """Whether the report names no invasive tumour: the extent of what is in situ counts then."""
        return bool(self._lesions.entities.current) and all(
            e.behaviour is Behaviour.IN_SITU or e.neoplasm.is_generic
            for e in self._lesions.primaries
        )

    def _in_cell(self, mention: Mention) -> bool:
        return any(
            c.start == mention.start and c.end == mention.end for c in self._index.structure.cells
        )

    def _rejection(self, kind: Kind, mention: Mention, weight: float) -> Rejection | None:
        """Why a mention is no current fact: its context, the report's lesions, what it is of, its owner."""
        return (
            self._by_context(kind, mention)
            or self._by_lesions(kind, mention)
            or self._by_target(kind, mention, weight)
            or self._by_owner(kind, mention)
        )

    def _by_context(self, kind: Kind, mention: Mention) -> Rejection | None:
        if mention.scheme == DENIED:
            return Rejection.NEGATED
        reason = self._index.rejection(mention.start, mention.end, kind)
        if kind is Kind.TUMOR_LATERALITY and (
            reason in {Rejection.NEGATED, Rejection.UNCERTAIN}
            or (reason is Rejection.HISTORICAL and self._names_no_tumor(mention))
        ):
            return None
        return reason

    def _by_lesions(self, kind: Kind, mention: Mention) -> Rejection | None:
        absent = self._lesions.without_malignancy()
        if absent is Rejection.UNGROUNDED:
            return absent if kind in {Kind.TUMOR_SIZE, Kind.TUMOR_LATERALITY} else None
        # "No residual carcinoma. ypT0 ypN0" stages the tumour that therapy removed
        is_of_therapy = kind is Kind.CANCER_STAGE and _NEOADJUVANT.search(mention.value)
        return None if absent is Rejection.NEGATED and is_of_therapy else absent

    def _by_target(self, kind: Kind, mention: Mention, weight: float) -> Rejection | None:
        apart = kind in _OF_UNIT or self._lesions.units.is_list
        if apart and self._lesions.has_no_lesion(mention.start):
            of_all = kind is Kind.HORMONE_RECEPTOR and self._lesions.is_below_the_parts(
                mention.start
            )
            if not of_all:
                return Rejection.CONTRADICTED
        if kind is Kind.TUMOR_SIZE:
            if weight < 0:
                return Rejection.AMBIGUOUS
            if self._is_on_other_side(mention):
                return Rejection.CONTRADICTED
        if kind is Kind.TUMOR_LATERALITY and self._is_side_of_another_thing(mention):
            return Rejection.CONTRADICTED
        of_other = kind in _OF_ORGAN and self._is_of_another_organ(mention)
        return Rejection.CONTRADICTED if of_other else None

    def _is_of_another_organ(self, mention: Mention) -> bool:
        """Whether the clause names organs, none of them the lesion's, and no current neoplasm."""
        first, last = self._around(mention)
        named = {site.name for site, _, _ in find_sites(self._index.text[first:last])}
        own = self._organs(self._lesions.at(mention.start))
        if not named or not own or self._lesions.units.at(mention.start) is not None:
            return False
        near = with_neighbours(own)
        if named & near:
            return False
        start = bisect_left(self._entity_starts, first)
        entities = self._lesions.entities.all[start : start + 5]
        return not any(e.start < last and e.rejection is None for e in entities)

    def _around(self, mention: Mention) -> tuple[int, int]:
        """The clause of a mention, cut where it is long."""
        first, last = self._index.clause_at(mention.start)
        return max(first, mention.start - 120), min(last, mention.end + 80)

    def _is_on_other_side(self, mention: Mention) -> bool:
        """Whether the clause of a size names the other side than the lesion's, and no current neoplasm."""
        own = {
            e.side
            for e in self._lesions.of(self._lesions.at(mention.start))
            if is_paired(e.organ) and e.side in _SIDES
        }
        first, last = self._around(mention)
        named = {m.value for m in lateralities(self._index.text[first:last])}
        return (
            len(own) == 1 and named == _SIDES - own and not self._names_current_tumor(first, last)
        )

    def _names_current_tumor(self, first: int, last: int) -> bool:
        start = bisect_left(self._entity_starts, first)
        end = bisect_left(self._entity_starts, last)
        return any(e.rejection is None for e in self._lesions.entities.all[start:end])

    def _names_no_tumor(self, mention: Mention) -> bool:
        """Whether the clause of a side names no neoplasm whose history it could tell."""
        first, last = self._index.clause_at(mention.start)
        if "contralateral" in self._index.text[first:last].lower():
            return False
        start = bisect_left(self._entity_starts, first)
        return start >= len(self._entity_starts) or self._entity_starts[start] >= last

    def _is_side_of_another_thing(self, mention: Mention) -> bool:
        text = self._index.text
        first, last = self._around(mention)
        if not self._names_current_tumor(first, last) and is_of_benign(text, mention, first, last):
            return True
        if self._lesions.is_metastatic_only:
            return False
        label = self._lesions.at(mention.start)
        if self._is_systemic(label):
            return True
        return is_of_metastasis(text, mention, first, last) or is_of_another_thing(
            text, mention, self._organs(label)
        )

    def _organs(self, label: str | None) -> frozenset[str]:
        """The organs of a lesion's entities."""
        if label not in self._known_organs:
            self._known_organs[label] = frozenset(
                e.organ for e in self._lesions.of(label) if e.organ
            )
        return self._known_organs[label]

    def _is_systemic(self, label: str | None) -> bool:
        """Whether all names of a lesion are of diseases of the blood, which have no side."""
        if label not in self._known_systemic:
            entities = self._lesions.of(label)
            self._known_systemic[label] = bool(entities) and all(
                SYSTEMIC.search(e.neoplasm.name) for e in entities
            )
        return self._known_systemic[label]

    def _by_owner(self, kind: Kind, mention: Mention) -> Rejection | None:
        """What the neoplasm makes of an attribute that the clause names last before it.

        Else first behind it.
        """
        first, last = self._index.clause_at(mention.start)
        before = self._last_entity(first, mention.start)
        if kind is Kind.CANCER_GRADE:
            start = before.neoplasm.end if before else first
            spans = self._benign_within(start, mention.start) or (
                self._benign_within(mention.end, min(last, mention.end + 30))
                if before is None
                else []
            )
            if spans and (before is None or before.rejection is not None):
                return Rejection.CONTRADICTED
        owner = before or self._first_entity(mention.end, last)
        if owner is None or owner.rejection is None:
            return None
        return owner.rejection if owner.rejection in _LENT else None

    @cached_property
    def _entity_starts(self) -> list[int]:
        return [entity.start for entity in self._lesions.entities.all]

    def _last_entity(self, first: int, last: int) -> Entity | None:
        position = bisect_left(self._entity_starts, last) - 1
        if position < 0:
            return None
        entity = self._lesions.entities.all[position]
        return entity if entity.start >= first and entity.neoplasm.end <= last else None

    def _first_entity(self, first: int, last: int) -> Entity | None:
        position = bisect_left(self._entity_starts, first)
        if position >= len(self._entity_starts):
            return None
        entity = self._lesions.entities.all[position]
        return entity if entity.start < last else None

    @cached_property
    def _benign(self) -> list[tuple[int, int]]:
        return list(benign(self._index.text))

    def _benign_within(self, first: int, last: int) -> list[tuple[int, int]]:
        start = bisect_left(self._benign, (first, first))
        return [span for span in self._benign[start : start + 3] if span[1] <= last]
