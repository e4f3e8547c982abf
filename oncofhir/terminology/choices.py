"""The values of a phenotype that have a code, for a person who chooses one; and the value of a code."""

from collections.abc import Iterator
from functools import cache

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.review import CodeChoice
from oncofhir.terminology.coding import codings
from oncofhir.terminology.display import diagnosis_display
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
    """The codes with a name in which every word of `text` occurs, in value, display or code: one choice each.

    Its value is the code's first name, or the name that equals the text; a synonym that was found instead of
    it is the detail. Names that equal the text come first, then those that begin with it, then the shorter.
    """
    wanted = text.lower().split()
    plain = " ".join(wanted)

    def order(choice: CodeChoice) -> tuple[bool, bool, int]:
        value = choice.value.lower()
        return value != plain, not value.startswith(plain), len(value)

    found: list[tuple[CodeChoice, CodeChoice]] = []
    for names in _by_code(kind):
        matching = [name for name in names if all(word in _searched(name) for word in wanted)]
        if matching and slot in {None, names[0].slot}:
            found.append((names[0], min(matching, key=order) if wanted else names[0]))
    if wanted:
        found.sort(key=lambda pair: order(pair[1]))
    return tuple(_shown(first, best, plain) for first, best in found[:limit])


def _shown(first: CodeChoice, best: CodeChoice, text: str) -> CodeChoice:
    """The choice for a code, of its first name and the one that matches best."""
    if best is first or best.value.lower() == text:
        return best
    return first.model_copy(update={"detail": best.value})


@cache
def _by_code(kind: Kind) -> tuple[tuple[CodeChoice, ...], ...]:
    """The names of each code of a phenotype, the preferred one first; a value without a code by itself."""
    names: dict[tuple[str | None, str, str], list[CodeChoice]] = {}
    for choice in choices(kind):
        code = choice.coding
        key = (code.system, code.code) if code else ("", choice.value)
        names.setdefault((choice.slot, *key), []).append(choice)
    return tuple(map(tuple, names.values()))


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
    names = (choice.value, diagnosis_display(choice.value), choice.detail or "")
    words = (*names, *((code.code, code.display or "") if code else ()))
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
