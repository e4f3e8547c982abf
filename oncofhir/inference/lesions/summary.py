"""What a report says of each lesion as a whole: behaviour, organ, side, histology, diagnosis."""

import re
from collections import Counter
from functools import cached_property

from oncofhir.inference.lesions.entities import SYSTEMIC, Entity, implied_organ, is_paired
from oncofhir.inference.lesions.facts import Facts
from oncofhir.inference.lesions.lesion_set import LesionSet, family_of
from oncofhir.inference.lesions.part_of_organ import part_words
from oncofhir.inference.lesions.site import NamedSite, named_site
from oncofhir.schemas.base import Value
from oncofhir.schemas.context import Temporality
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.lesion import Behaviour, Lesion

_MOST_SUSPECTED = 20
_NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_MEANINGLESS = re.compile(
    r"(?:(?:invasive|malignant|primary) )?(?:cancers?|malignant|malignanc(?:y|ies))|(?:cell|grade|type"
    r"|b)\b.*",
    re.IGNORECASE,
)
# Tumours that are called by their name and not after an organ.
_BY_NAME = re.compile(
    r"melanoma|lymphoma|leuk|myeloma|sarcoma|blastoma|glioma|astrocytoma|oligo|ependymoma|mesothelioma"
    r"|seminoma|neuroendocrine tumou?r|carcinoid|stromal|gist|wilms"
    r"|thymoma|germ|choriocarcinoma|chordoma|plasmacytoma|mycosis|pheochromocytoma|paraganglioma"
    r"|small cell carcinoma$",
    re.IGNORECASE,
)
_OF_ENDOMETRIUM = re.compile(r"endometri", re.IGNORECASE)
_INCIDENTAL = re.compile(r"incidental[^.;]{0,50}$", re.IGNORECASE)
_IN_SITU = re.compile(
    r"in[ -]situ|intraductal|\bdcis\b|\blcis\b|non-?invasive|intramucosal|bowen|lentigo|intraepithelial",
    re.IGNORECASE,
)


class Summary(Value):
    """One lesion as the report describes it. `lead` is the mention that names it best."""

    label: str | None
    behaviour: Behaviour
    lead: Entity
    histology: str
    organ: str | None
    side: str | None
    primary_organ: str | None
    site: NamedSite | None

    @property
    def diagnosis(self) -> str:
        """The diagnosis in words; empty where the report joins no organ to a name that needs one."""
        name = self.histology or self.lead.neoplasm.name
        if self.behaviour is Behaviour.METASTATIC:
            return self._metastasis(name)
        if self.behaviour is Behaviour.IN_SITU:
            named = name if _IN_SITU.search(name) else f"non-invasive {name}"
            return (
                named if self.organ is None or self.organ in named else f"{named} of {self.organ}"
            )
        if "melanoma" in name:
            return "melanoma"
        if _BY_NAME.search(name):
            return name
        return self._by_organ(name)

    def _metastasis(self, name: str) -> str:
        """A metastasis by its origin, where the report states it, and the organ that it is in."""
        where = f" to the {self.organ}" if self.organ else ""
        origin = self.primary_organ
        known = f"{name} {implied_organ(name)}"
        return f"metastatic {f'{origin} ' if origin and origin not in known else ''}{name}{where}"

    def _by_organ(self, name: str) -> str:
        """A carcinoma by its organ; of the skin by its name, for there are many."""
        is_named = not self.lead.neoplasm.is_generic
        if self.organ is None:
            return name if is_named else ""
        if self.organ == "skin" and is_named:
            return name if "skin" in name else f"{name} of skin"
        return f"{self.organ} cancer"


class Summaries:
    """The lesions of a report, each with its summary."""

    def __init__(self, lesions: LesionSet, facts: Facts) -> None:
        self._lesions = lesions
        self._index = lesions.index
        self._facts = facts

    @cached_property
    def all(self) -> tuple[Summary, ...]:
        """One summary per distinguished lesion, else one for the report; none without a malignancy."""
        labels: list[str | None] = [t.label for t in self._lesions.several]
        found = (self._of(label) for label in labels or [None])
        return tuple(summary for summary in found if summary is not None)

    def of(self, label: str | None) -> Summary | None:
        """The summary of a lesion."""
        return next((s for s in self.all if s.label == label), None)

    def lesions(self) -> tuple[Lesion, ...]:
        """The lesions as they are handed over, the current ones first."""
        found = [
            Lesion(
                id=str(number),
                behaviour=summary.behaviour,
                organ=summary.organ,
                site=summary.site.words if summary.site else None,
                laterality=summary.side,
                histology=summary.histology or None,
                primary_organ=summary.primary_organ,
                part=summary.label,
                spans=tuple(
                    (e.start, e.neoplasm.end) for e in self._lesions.of(summary.label)[:20]
                ),
            )
            for number, summary in enumerate(self.all, start=1)
        ]
        earlier = [e for e in self._lesions.entities.all if e.rejection is Rejection.HISTORICAL][
            :20
        ]
        for entity in {(e.organ, e.neoplasm.name): e for e in earlier}.values():
            found.append(
                Lesion(
                    id=str(len(found) + 1),
                    behaviour=entity.behaviour,
                    temporality=Temporality.EARLIER,
                    organ=entity.organ,
                    laterality=entity.side if is_paired(entity.organ) else None,
                    histology=entity.neoplasm.name,
                    spans=((entity.start, entity.neoplasm.end),),
                )
            )
        return tuple(found)

    def untold(self) -> tuple[Entity, ...]:
        """Current tumours whose kind differs from that of every distinguished lesion, once per kind.

        The report does not say which of its attributes are theirs, so they have no findings of their own.
        """
        known = {family_of(summary.lead.neoplasm.name) for summary in self.all}
        others: dict[int, Entity] = {}
        for entity in self._lesions.primaries:
            family = family_of(entity.neoplasm.name)
            if family is not None and family not in known and None not in known:
                others.setdefault(family, entity)
        return tuple(others.values())

    @property
    def has_metastasis(self) -> bool:
        """Whether the report states a metastasis."""
        current = self._lesions.entities.current
        return any(entity.behaviour is Behaviour.METASTATIC for entity in current)

    def suspected(self) -> tuple[Entity, ...]:
        """Tumours that the report suspects and nowhere states, once a name and organ, at most 20.

        A suspicion of what the report also states is left out: often it led to the specimen. A metastasis
        that is suspected is another tumour than the primary of the same name.
        """
        stated = self._lesions.entities.current
        places = {(_kind_of(e), e.organ) for e in stated}
        found: dict[tuple[str, str | None], Entity] = {}
        for entity in self._lesions.entities.all:
            if entity.rejection is not Rejection.UNCERTAIN:
                continue
            if entity.behaviour is Behaviour.METASTATIC:
                is_stated = self.has_metastasis
            elif entity.neoplasm.is_generic:
                is_stated = bool(stated)
            else:
                is_stated = any(
                    kind == _kind_of(entity) and entity.organ in {organ, None}
                    for kind, organ in places
                )
            if not is_stated:
                found.setdefault((entity.neoplasm.name, entity.organ), entity)
        return tuple(found.values())[:_MOST_SUSPECTED]

    def id_of(self, label: str | None) -> str | None:
        """The id of a lesion."""
        return next((str(n) for n, s in enumerate(self.all, start=1) if s.label == label), None)

    def _of(self, label: str | None) -> Summary | None:
        entities = self._lesions.of(label)
        if not entities:
            return None
        in_situ = self._facts.is_in_situ(label)
        metastatic = all(e.behaviour is Behaviour.METASTATIC for e in entities)
        lead = self._lead(entities, in_situ=in_situ)
        histology = "" if _MEANINGLESS.fullmatch(lead.neoplasm.name) else lead.neoplasm.name
        organ = self._organ(entities, lead)
        systemic = SYSTEMIC.search(lead.neoplasm.name) is not None
        within = (lambda at: self._lesions.at(at) == label) if label else (lambda _: True)
        site = (
            None
            if organ is None and (metastatic or not histology)
            else named_site(self._index, histology, organ, within)
        )
        if site is not None and site.name == (organ or site.name):
            site = site.in_part(part_words(self._index, site.name, entities, within))
        if metastatic:
            behaviour = Behaviour.METASTATIC
        else:
            behaviour = Behaviour.IN_SITU if in_situ else Behaviour.INVASIVE
        return Summary(
            label=label,
            behaviour=behaviour,
            lead=lead,
            histology=histology,
            organ=organ,
            side=None if systemic else self._side(entities, lead, organ, label),
            primary_organ=next((e.primary_organ for e in entities if e.primary_organ), None),
            site=site,
        )

    def _lead(self, entities: tuple[Entity, ...], *, in_situ: bool) -> Entity:
        """The name that counts: the more specific of the weightiest section, invasive before in situ."""
        best, first = entities[0], None
        for entity in entities:
            rank = self._rank(entity, in_situ=in_situ)
            if first is None or rank > first:
                best, first = entity, rank
        return best

    def _rank(self, entity: Entity, *, in_situ: bool) -> tuple[float, int, int]:
        found = entity.neoplasm
        start, _ = self._index.sentence_at(found.start, found.end)
        weight = float(self._index.authority(found.start))
        is_in_situ = entity.behaviour is Behaviour.IN_SITU
        weight += (3.0 if in_situ else -3.0) * is_in_situ
        weight -= 2.0 * bool(
            _INCIDENTAL.search(self._index.text[max(0, found.start - 60) : found.start])
        )
        weight -= 2.0 * bool(_NODES.search(self._index.text[start : found.start]))
        weight -= 1.5 * found.name.endswith("s")  # the plural names a kind and no tumour
        weight -= 1.5 * found.is_generic + 3.0 * bool(_MEANINGLESS.fullmatch(found.name))
        return (weight, min(3, len(found.name.split())), -found.start)

    def _organ(self, entities: tuple[Entity, ...], lead: Entity) -> str | None:
        """The organ that the text joins to the lesion, else the one that its grade is of (Gleason)."""
        named = Counter(e.organ for e in entities if e.organ and e.behaviour is lead.behaviour)
        organ = lead.organ or next((o for o, _ in named.most_common(1)), None)
        if organ == "uterus" and _OF_ENDOMETRIUM.search(lead.neoplasm.name):
            return "endometrium"
        if organ is None and lead.behaviour is not Behaviour.METASTATIC:
            grades = self._facts.of(Kind.CANCER_GRADE)
            if any(f.rejection is None and f.mention.scheme == "gleason" for f in grades):
                return "prostate"
        return organ

    def _side(
        self, entities: tuple[Entity, ...], lead: Entity, organ: str | None, label: str | None
    ) -> str | None:
        """The side that the text joins to the lesion, else the nearest to its organ.

        None of an unpaired organ.
        """
        if organ is not None and not is_paired(organ):
            return None
        facts = [
            f
            for f in self._facts.of(Kind.TUMOR_LATERALITY)
            if f.rejection is None and f.label in {label, None}
        ]
        values = [f.mention.value for f in facts]
        for entity in (lead, *entities):
            if entity.side in values:
                return entity.side
        return values[0] if values else None


def _kind_of(entity: Entity) -> int | str:
    """The family of a neoplasm, its name where it is of none."""
    family = family_of(entity.neoplasm.name)
    return entity.neoplasm.name if family is None else family
