"""The codes of a cancer: the SNOMED CT disorder and the most specific ICD-10-CM code that the words have.

Sources of the rules: ICD-10-CM, alphabetic index and Table of Neoplasms (a name with a category of its own
goes before the organ; in situ is D00 to D09, a metastasis C77 to C79 or C7B); mCODE STU4, group-disease.md
(the secondary cancer's SNOMED CT concept).
"""

from collections.abc import Sequence
from typing import Any

from oncofhir.schemas.finding import Coding
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology import icd10cm
from oncofhir.terminology.neoplasms import (
    NOT_MALIGNANT,
    Neoplasm,
    broader_names,
    is_kind_of,
    neoplasms,
)
from oncofhir.terminology.sites import sites
from oncofhir.terminology.tables import SNOMED_CT, coding, concepts

SECONDARY = Coding(
    system=SNOMED_CT,
    code="128462008",
    display="Secondary malignant neoplastic disease (disorder)",
)  # mcode-secondary-cancer-disorder-vs names it; the organ is in the ICD-10-CM code
_BLOOD = ("lymphoma", "leukemia", "multiple myeloma", "plasmacytoma", "myelodysplastic syndrome")
# The SNOMED CT concepts of `data/cancers.json` that go by the disease, the narrower first.
_BY_DISEASE = (
    ("hodgkin lymphoma", "Hodgkin lymphoma"),
    ("non-hodgkin lymphoma", "non-Hodgkin lymphoma"),
    ("multiple myeloma", "multiple myeloma"),
    ("leukemia", "leukemia"),
)


def disease_codings(
    *,
    name: str | None,
    behaviour: Behaviour,
    site: str | None,
    place: str = "",
    laterality: str | None = None,
    gender: str | None = None,
    grade: str | None = None,
) -> tuple[Coding, ...]:
    """The codes of one disease in one organ: SNOMED CT first, then ICD-10-CM; none for a benign one.

    `name` is a neoplasm's canonical name, `site` a site's name: the organ that the disease is in, for a
    metastasis that of the metastasis. `place` are the report's words for the place in the organ. A name and
    an organ that do not fit each other have no code.
    """
    kind = neoplasms().get(name) if name else None
    if behaviour in NOT_MALIGNANT:
        return ()
    where = _Where(site, place, laterality, gender)
    if behaviour is Behaviour.METASTATIC and not _is_of_blood(kind):
        icd = _metastasis(kind, where)
        return (SECONDARY, *([icd] if icd else []))
    if kind is not None and site is None:
        where = _Where(kind.implied, place, laterality, gender)
    if kind is not None and kind.organs and where.site not in {None, *kind.organs}:
        return ()
    if behaviour is Behaviour.IN_SITU:
        snomed, icd = _in_situ_disorder(kind, where.site), _in_situ(kind, where)
        return tuple(code for code in (snomed, icd) if code is not None)
    snomed = _disorder(kind, where.site)
    icd = _primary(kind, where, grade)
    return tuple(code for code in (snomed, icd) if code is not None)


class _Where:
    def __init__(
        self, site: str | None, place: str, laterality: str | None, gender: str | None
    ) -> None:
        self.site, self.said = site, (place,)
        self.laterality, self.gender = laterality, gender

    def code(self, table: str) -> Coding | None:
        """The code that a table has for this place."""
        return self.resolved(icd10cm.category_of(table, self.site, self.said))

    def resolved(self, category: str | None) -> Coding | None:
        if category is None:
            return None
        return icd10cm.code_of(category, self.laterality, self.gender, " ".join(self.said))


def _is_of_blood(kind: Neoplasm | None) -> bool:
    return kind is not None and any(is_kind_of(kind.name, broad) for broad in _BLOOD)


def _metastasis(kind: Neoplasm | None, where: _Where) -> Coding | None:
    if kind is not None and is_kind_of(kind.name, "carcinoid tumor"):
        return where.code("secondary-carcinoid")
    if kind is not None and is_kind_of(kind.name, "neuroendocrine tumor"):
        return icd10cm.code_of("C7B.8")
    if kind is not None and is_kind_of(kind.name, "merkel cell carcinoma"):
        return icd10cm.code_of("C7B.1")
    return where.code("secondary")


def _in_situ(kind: Neoplasm | None, where: _Where) -> Coding | None:
    if kind is not None and is_kind_of(kind.name, "melanoma"):
        return where.code("D03")
    own = kind.icd10cm if kind else None
    if own is not None and own.startswith("D0") and icd10cm.has_table(own):
        return where.code(own)
    if where.site == "breast" and kind is not None:
        of_breast = own if own is not None and own.startswith("D0") else _of_breast(kind)
        return where.resolved(of_breast)
    if own is not None and own.startswith("D0") and where.site is None:
        return where.resolved(own)
    return where.code("in-situ")


def _of_breast(kind: Neoplasm) -> str:
    """The category of a carcinoma in situ of the breast (D05): lobular, ductal, another type, no type."""
    for name, category in (("lobular carcinoma", "D05.0"), ("ductal carcinoma", "D05.1")):
        if is_kind_of(kind.name, name):
            return category
    return "D05.9" if kind.generic or kind.name == "carcinoma in situ" else "D05.8"


def _primary(kind: Neoplasm | None, where: _Where, grade: str | None) -> Coding | None:
    if kind is not None and is_kind_of(kind.name, "melanoma") and where.site not in {None, "skin"}:
        return where.code("primary")
    own = kind.icd10cm if kind else None
    if kind is not None and kind.grades:
        own = kind.grades.get((grade or "").lower(), kind.unspecified or own)
    if own is not None and icd10cm.has_table(own):
        return where.code(own) if where.site or own != "C43" else icd10cm.code_of("C43.9")
    if own is not None or _is_of_blood(kind):
        return _of_name(own, where) if own else None
    if where.site == "skin" and kind is not None:
        for name, table in (
            ("basal cell carcinoma", "basal"),
            ("squamous cell carcinoma", "squamous"),
        ):
            if is_kind_of(kind.name, name):
                return where.code(table)
    return where.code("primary") if where.site else None


def _of_name(own: str, where: _Where) -> Coding | None:
    """The code of a category of its own; of a lymphoma (C81 to C85) with the character of its place."""
    if own[:3] not in {"C81", "C82", "C83", "C84", "C85"} or len(own) > len("C83.3"):
        return where.resolved(own)
    placed = own + icd10cm.lymphoma_site_character((*where.said, where.site or ""))
    # C83.39 distinguishes the central nervous system (C83.390) from other organs since October 2024
    return where.resolved(placed) or where.resolved(f"{placed}8")


def _in_situ_disorder(kind: Neoplasm | None, site: str | None) -> Coding | None:
    name = "carcinoma in situ"
    if kind is not None and is_kind_of(kind.name, "melanoma"):
        name = "melanoma in situ"
    elif site == "breast" and kind is not None:
        of_breast = {"D05.0": "lobular carcinoma in situ", "D05.1": "ductal carcinoma in situ"}
        name = of_breast.get(kind.icd10cm or _of_breast(kind), name)
    return _of_disease(name, site)


def _of_disease(name: str, site: str | None) -> Coding | None:
    """The disorder of a disease in this site, else of the disease wherever it is."""
    rows = [row for row in concepts("disorders") if row["neoplasm"] == name]
    fitting = [row for row in rows if row.get("site") in {None, site}]
    fitting.sort(key=lambda row: "site" in row)
    return coding(fitting[-1]) if fitting else None


def _disorder(kind: Neoplasm | None, site: str | None) -> Coding | None:
    for name in broader_names(kind.name) if kind is not None else ():
        own = _of_disease(name, site)
        if own is not None:
            return own
    key = next(
        (key for name, key in _BY_DISEASE if kind is not None and is_kind_of(kind.name, name)),
        None,
    )
    if key is None and not _is_of_blood(kind):
        of_site = next((one for one in sites() if one.name == site), None)
        is_melanoma = kind is not None and is_kind_of(kind.name, "melanoma")
        if of_site is not None:
            key = of_site.key if of_site.only is None or is_melanoma else of_site.name
        elif site is None and is_melanoma:
            key = "melanoma of skin"
        if site == "soft tissue" and kind is not None and is_kind_of(kind.name, "sarcoma"):
            key = "soft tissue sarcoma"
    concept = _concept(key) if key else None
    return coding(concept["disorder"]) if concept else None


def _concept(key: str) -> dict[str, Any] | None:
    found: Sequence[dict[str, Any]] = concepts("cancers")
    return next((concept for concept in found if concept["key"] == key), None)
