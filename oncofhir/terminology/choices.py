"""The values of a phenotype that have a code, for a person who chooses one; and the value of a code."""

from collections.abc import Iterator
from functools import cache

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.review import CodeChoice
from oncofhir.terminology.coding import codings
from oncofhir.terminology.tables import coding, concepts

_SIDES = ("left", "right", "bilateral", "midline")
_GRADES = ("1", "2", "3")
_STATUSES = ("positive", "negative", "equivocal")
_RECEPTORS = ("ER", "PR", "HER2")
_STAGES = ("t", "n", "m", "group")


@cache
def choices(kind: Kind) -> tuple[CodeChoice, ...]:
    """The values of a phenotype with their preferred code. A size has none: it is a number."""
    return tuple(_BUILDERS.get(kind, _none)(kind))


def search_choices(kind: Kind, text: str, slot: str | None, limit: int) -> tuple[CodeChoice, ...]:
    """The choices in which every word of `text` occurs, in value, display or code.

    Those that equal the text come first, then those that begin with it, then the shorter ones.
    """
    wanted = text.lower().split()
    plain = " ".join(wanted)
    found = [
        choice
        for choice in choices(kind)
        if slot in {None, choice.slot} and all(word in _searched(choice) for word in wanted)
    ]

    def order(choice: CodeChoice) -> tuple[bool, bool, int]:
        value = choice.value.lower()
        return value != plain, not value.startswith(plain), len(value)

    return tuple(sorted(found, key=order) if wanted else found)[:limit]


def value_of_code(kind: Kind, slot: str | None, code: Coding) -> str | None:
    """The value of a phenotype that has this code, None if no value here has it."""
    return _values(kind).get((slot, code.system, code.code))


@cache
def _values(kind: Kind) -> dict[tuple[str | None, str, str], str]:
    values: dict[tuple[str | None, str, str], str] = {}
    for choice in choices(kind):
        for code in (choice.coding, *codings(kind, choice.slot, choice.value)):
            if code is not None:
                values.setdefault((choice.slot, code.system, code.code), choice.value)
    return values


def _searched(choice: CodeChoice) -> str:
    code = choice.coding
    words = (choice.value, choice.detail or "", *((code.code, code.display or "") if code else ()))
    return " ".join(words).lower()


def _none(_: Kind) -> Iterator[CodeChoice]:
    yield from ()


def _of_values(kind: Kind, slot: str | None, values: tuple[str, ...]) -> Iterator[CodeChoice]:
    for value in values:
        found = codings(kind, slot, value)
        yield CodeChoice(value=value, coding=found[0] if found else None, slot=slot)


def _sides(kind: Kind) -> Iterator[CodeChoice]:
    yield from _of_values(kind, None, _SIDES)


def _grades(kind: Kind) -> Iterator[CodeChoice]:
    yield from _of_values(kind, None, _GRADES)


def _receptors(kind: Kind) -> Iterator[CodeChoice]:
    for receptor in _RECEPTORS:
        yield from _of_values(kind, receptor, _STATUSES)


def _stages(_: Kind) -> Iterator[CodeChoice]:
    """The categories and groups of AJCC; FIGO's groups have their own codes."""
    for slot in _STAGES:
        for concept in concepts(f"stage_{slot}"):
            yield CodeChoice(
                value=concept["label"], coding=coding(concept), slot=slot, detail="AJCC"
            )
    for concept in concepts("stage_figo"):
        yield CodeChoice(
            value=concept["label"], coding=coding(concept), slot="group", detail="FIGO"
        )


def _named(_: Kind, table: str) -> Iterator[CodeChoice]:
    for concept in concepts(table):
        name = concept["display"].split(" (")[0].lower()
        names = dict.fromkeys((*concept.get("synonyms", ()), name))
        for value in names:
            detail = None if value == name else name
            yield CodeChoice(value=value.lower(), coding=coding(concept), detail=detail)


def _histologies(kind: Kind) -> Iterator[CodeChoice]:
    yield from _named(kind, "histology")


def _sites(kind: Kind) -> Iterator[CodeChoice]:
    yield from _named(kind, "body_sites")


def _diagnoses(_: Kind) -> Iterator[CodeChoice]:
    for concept in concepts("cancers"):
        disorder = concept.get("disorder")
        if disorder:
            for name in concept["synonyms"]:
                yield CodeChoice(value=name, coding=Coding(**disorder))
    for concept in (*concepts("disorders"), *concepts("icd10cm")):
        name = concept["display"].split(" (")[0].lower()
        yield CodeChoice(value=name, coding=coding(concept), detail=concept["code"])


_BUILDERS = {
    Kind.TUMOR_LATERALITY: _sides,
    Kind.CANCER_GRADE: _grades,
    Kind.HORMONE_RECEPTOR: _receptors,
    Kind.CANCER_STAGE: _stages,
    Kind.HISTOLOGICAL_TYPE: _histologies,
    Kind.TUMOR_SITE: _sites,
    Kind.DIAGNOSIS: _diagnoses,
}
