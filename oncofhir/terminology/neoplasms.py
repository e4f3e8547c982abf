"""What a neoplasm is called: its canonical name, its behaviour, its broader names and its organs.

The names come from `neoplasms.toml`, which states their sources, and from the morphologies of
`data/histology.json`.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from oncofhir.schemas.base import Value
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.spelling import plain
from oncofhir.terminology.tables import concepts


class Neoplasm(Value):
    """A kind of neoplasm.

    `parent` is the next broader name. `organs` are the sites (`sites.toml`) that it can be primary in; none
    means any. `icd10cm` is the category that ICD-10-CM has for the name itself, `grades` the category by
    grade, `unspecified` the category without a grade. `unless` and `not_near` are patterns: near
    them, an abbreviation, or any of the words, means something else.
    """

    name: str
    behaviour: Behaviour = Behaviour.INVASIVE
    parent: str | None = None
    generic: bool = False
    organs: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    icd10cm: str | None = None
    grades: dict[str, str] = {}
    unspecified: str | None = None
    unless: str | None = None
    not_near: str | None = None

    @property
    def implied(self) -> str | None:
        """The one organ that the name itself says, if it says one."""
        return self.organs[0] if len(self.organs) == 1 else None


NOT_MALIGNANT = frozenset({Behaviour.BENIGN, Behaviour.BORDERLINE})
# The last word of a morphology that the table does not list, and the broader name that it gives.
_ENDINGS = (
    ("in situ", "carcinoma in situ"),
    ("adenocarcinoma", "adenocarcinoma"),
    ("squamous cell carcinoma", "squamous cell carcinoma"),
    ("carcinoma", "carcinoma"),
    ("liposarcoma", "liposarcoma"),
    ("sarcoma", "sarcoma"),
    ("melanoma", "melanoma"),
    ("hodgkin lymphoma", "hodgkin lymphoma"),
    ("lymphoma", "non-hodgkin lymphoma"),
    ("leukemia", "leukemia"),
    ("mesothelioma", "mesothelioma"),
    ("astrocytoma", "astrocytoma"),
    ("medulloblastoma", "medulloblastoma"),
)
_SAME = re.compile(r"^(?:infiltrating|invasive|classic|conventional|malignant) ")
_NOT_INVASIVE = ("in situ", "low malignant potential", "intraepithelial", "uncertain malignant")


class Qualifiers(Value):
    """Words that belong to a name: `before` it, and `behind` it with a comma or one of `types`."""

    before: frozenset[str]
    behind: frozenset[str]
    types: frozenset[str]


@cache
def _table() -> dict[str, Any]:
    text = files("oncofhir.terminology").joinpath("neoplasms.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def qualifiers() -> Qualifiers:
    """The words that qualify a name."""
    listed = {name: frozenset(words) for name, words in _table()["qualifiers"].items()}
    return Qualifiers(
        before=listed["degree"] | listed["behaviour"] | listed["histologic"],
        behind=listed["histologic"] | listed["types"],
        types=listed["types"],
    )


@cache
def neoplasms() -> dict[str, Neoplasm]:
    """Every neoplasm by its canonical name."""
    listed = [_neoplasm(row) for row in _table()["names"]["neoplasms"]]
    found = {one.name: one for one in listed}
    known = {plain(word) for one in listed for word in (one.name, *one.words)}
    for concept in concepts("histology"):
        name = _SAME.sub("", plain(concept["display"].split(" (")[0]))
        parent = next((broader for ending, broader in _ENDINGS if name.endswith(ending)), None)
        if name in known or parent is None or any(word in name for word in _NOT_INVASIVE[1:]):
            continue
        behaviour = Behaviour.IN_SITU if _NOT_INVASIVE[0] in name else Behaviour.INVASIVE
        found[name] = Neoplasm(
            name=name, behaviour=behaviour, parent=parent, organs=found[parent].organs
        )
    return found


def _neoplasm(row: dict[str, Any]) -> Neoplasm:
    digit = str(row.get("behaviour", Behaviour.INVASIVE.icd_o_digit))
    behaviour = next(one for one in Behaviour if one.icd_o_digit == digit)
    return Neoplasm.model_validate({**row, "behaviour": behaviour})


def neoplasm(name: str) -> Neoplasm:
    """Return the neoplasm of a canonical name. Raises KeyError for any other name."""
    return neoplasms()[name]


def broader_names(name: str) -> tuple[str, ...]:
    """The names of which a name is a kind: itself first, the broadest last."""
    names: list[str] = []
    at: str | None = name
    while at is not None and at not in names:
        names.append(at)
        at = neoplasms()[at].parent if at in neoplasms() else None
    return tuple(names)


def is_kind_of(name: str, broader: str) -> bool:
    """Whether a name is the broader one or a kind of it."""
    return broader in broader_names(name)


def agree(one: str, other: str) -> bool:
    """Whether two names can be those of one lesion: either is a kind of the other."""
    return is_kind_of(one, other) or is_kind_of(other, one)


def is_generic(name: str) -> bool:
    """Whether a name says no more than that it is malignant, a carcinoma or of uncertain behaviour."""
    return name in neoplasms() and neoplasms()[name].generic
