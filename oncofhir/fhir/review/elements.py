"""The element of a resource that holds a finding's value: read after a human's edit, written for a verdict.

Pure. Where each phenotype is written: `fhir/mapping`. One Condition may hold three findings: the diagnosis
(code), the site and the side (bodySite).
"""

import re
from collections.abc import Mapping
from typing import Any

from oncofhir.fhir import codes
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.outcome import PhenotypeRow
from oncofhir.schemas.review import ReviewedValue
from oncofhir.terminology.choices import value_of_code
from oncofhir.terminology.coding import codings

Resource = dict[str, Any]

_LOCATED = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}  # UCUM
_LONGEST = "33728-7"  # LOINC, Size.maximum dimension in Tumor
_UCUM = "http://unitsofmeasure.org"
_NAMED = re.compile(r"^(?:nottingham grade|grade|figo stage|stage|gleason)\s+", re.IGNORECASE)


def element_path(resource: Mapping[str, Any], kind: Kind) -> str:
    """Return the FHIRPath of the element that holds a finding of this kind."""
    type_ = resource["resourceType"]
    if kind is Kind.TUMOR_SIZE:
        return "Observation.component"
    if type_ == "Observation":
        return "Observation.value"
    if kind is Kind.DIAGNOSIS:
        return "Condition.code"
    return {
        "Specimen": "Specimen.collection.bodySite",
        "BodyStructure": "BodyStructure.location",
    }.get(type_, "Condition.bodySite")


def value_in(resource: Mapping[str, Any], row: PhenotypeRow) -> ReviewedValue | None:
    """Read the value of the finding `row` from the resource that holds it; None if it has none any more.

    A code that a value here has gives that value. Otherwise it is the text of the element, or the code's
    display.
    """
    if row.kind is Kind.TUMOR_SIZE:
        return _size(resource)
    concept = _concept(resource, row.kind)
    if concept is None:
        return None
    found = tuple(_codings(concept))
    known = [value for c in found if (value := value_of_code(row.kind, row.slot, c))]
    if _says_same_code(found, row.codings):
        return ReviewedValue(value=row.value, codings=found)
    text = _words(concept, row)
    value = known[0] if known else text or next((c.display or c.code for c in found), None)
    return None if value is None else ReviewedValue(value=value, codings=found)


def says_same(read: ReviewedValue | None, row: PhenotypeRow) -> bool:
    """Whether a value that was read is the one of the row. Codes count before words."""
    if read is None:
        return False
    if row.kind is Kind.TUMOR_SIZE:
        return read.number is not None and read.number == row.number
    return _says_same_code(read.codings, row.codings) or read.value.lower() == row.value.lower()


def with_value(resource: Resource, row: PhenotypeRow, new: ReviewedValue) -> Resource:
    """Return the resource with another value of the finding `row`; everything else stays."""
    changed = dict(resource)
    if row.kind is Kind.TUMOR_SIZE:
        changed["component"] = _components(new)
        return changed
    concept = {
        **(
            {"coding": [c.model_dump(exclude_none=True) for c in new.codings]}
            if new.codings
            else {}
        ),
        "text": _text(resource, row, new),
    }
    if row.kind in _LOCATED:
        return _with_location(changed, row.kind, concept)
    changed["code" if row.kind is Kind.DIAGNOSIS else "valueCodeableConcept"] = concept
    return changed


def without_location(resource: Resource, kind: Kind) -> Resource:
    """Return the resource without the site or the side of the tumour, which a human refuted.

    A BodyStructure needs a location (mcode-tumor, 1..1): an unknown one is coded as unknown.
    """
    return _with_location(dict(resource), kind, None)


def _size(resource: Mapping[str, Any]) -> ReviewedValue | None:
    lengths: list[tuple[bool, float]] = []
    for component in resource.get("component", ()):
        quantity = component.get("valueQuantity") or {}
        factor = _MM.get(str(quantity.get("code") or quantity.get("unit")))
        if factor is not None and isinstance(quantity.get("value"), int | float):
            is_longest = any(c.code == _LONGEST for c in _codings(component.get("code") or {}))
            lengths.append((is_longest, round(quantity["value"] * factor, 2)))
    if not lengths:
        return None
    longest = next((mm for named, mm in lengths if named), max(mm for _, mm in lengths))
    dimensions = sorted((mm for _, mm in lengths), reverse=True)
    return ReviewedValue(
        value=f"{longest:g} mm", number=longest, unit="mm", dimensions=tuple(dimensions)
    )


def _components(new: ReviewedValue) -> list[dict[str, Any]]:
    lengths = new.dimensions or ((new.number,) if new.number is not None else ())
    return [
        {
            "code": codes.OTHER_DIMENSION if index else codes.LONGEST_DIMENSION,
            "valueQuantity": {
                "value": int(mm) if mm == int(mm) else mm,
                "unit": "mm",
                "system": _UCUM,
                "code": "mm",
            },
        }
        for index, mm in enumerate(lengths[:3])
    ]


def _concept(resource: Mapping[str, Any], kind: Kind) -> dict[str, Any] | None:
    """Return the CodeableConcept that holds a finding of this kind, None if there is none."""
    if resource["resourceType"] == "Observation":
        found = resource.get("valueCodeableConcept")
        text = resource.get("valueString")
        found = {"text": text} if found is None and isinstance(text, str) else found
    elif kind is Kind.DIAGNOSIS:
        found = resource.get("code")
    else:
        place = _place(resource)
        found = place if kind is Kind.TUMOR_SITE else _side(resource, place)
    if not isinstance(found, dict) or not (found.get("coding") or found.get("text")):
        return None
    return found


def _place(resource: Mapping[str, Any]) -> dict[str, Any] | None:
    if resource["resourceType"] == "Condition":
        return next(iter(resource.get("bodySite", ())), None)
    if resource["resourceType"] == "Specimen":
        return (resource.get("collection") or {}).get("bodySite")
    location = resource.get("location")
    return None if location == codes.UNKNOWN else location


def _side(resource: Mapping[str, Any], place: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if resource["resourceType"] == "BodyStructure":
        return next((q for q in resource.get("locationQualifier", ()) if _is_side(q)), None)
    extensions = (place or {}).get("extension", ())
    sides = (e for e in extensions if e.get("url") == codes.LATERALITY_EXTENSION)
    found: dict[str, Any] | None = next((e.get("valueCodeableConcept") for e in sides), None)
    return found


def _is_side(concept: Mapping[str, Any]) -> bool:
    return any(value_of_code(Kind.TUMOR_LATERALITY, None, c) for c in _codings(concept))


def _with_location(resource: Resource, kind: Kind, concept: dict[str, Any] | None) -> Resource:
    if resource["resourceType"] == "BodyStructure":
        return _with_structure(resource, kind, concept)
    place = dict(_place(resource) or {})
    sides = [e for e in place.get("extension", ()) if e.get("url") == codes.LATERALITY_EXTENSION]
    if kind is Kind.TUMOR_SITE:
        # The qualifier of the earlier place ("upper inner quadrant") is not one of another place.
        place = {**({"extension": sides} if sides else {}), **(concept or {})}
    else:
        others = [e for e in place.get("extension", ()) if e not in sides]
        side = {"url": codes.LATERALITY_EXTENSION, "valueCodeableConcept": concept}
        extensions = [*others, *([side] if concept else [])]
        place = {k: v for k, v in place.items() if k != "extension"}
        place = {**({"extension": extensions} if extensions else {}), **place}
    if resource["resourceType"] == "Specimen":
        collection = {
            k: v for k, v in (resource.get("collection") or {}).items() if k != "bodySite"
        }
        return resource | {"collection": collection | ({"bodySite": place} if place else {})}
    rest = resource.get("bodySite", [])[1:]
    places = [*([place] if place else []), *rest]
    kept = {k: v for k, v in resource.items() if k != "bodySite"}
    return kept | ({"bodySite": places} if places else {})


def _with_structure(resource: Resource, kind: Kind, concept: dict[str, Any] | None) -> Resource:
    if kind is Kind.TUMOR_SITE:
        return resource | {"location": concept or codes.UNKNOWN}
    others = [q for q in resource.get("locationQualifier", ()) if not _is_side(q)]
    qualifiers = [*others, *([concept] if concept else [])]
    kept = {k: v for k, v in resource.items() if k != "locationQualifier"}
    return kept | ({"locationQualifier": qualifiers} if qualifiers else {})


def _text(resource: Mapping[str, Any], row: PhenotypeRow, new: ReviewedValue) -> str:
    """Return the text of a value, in the form in which the mapping writes it."""
    if row.kind is Kind.HORMONE_RECEPTOR:
        return f"{row.slot} {new.value}"
    before = (_concept(resource, row.kind) or {}).get("text")
    named = _NAMED.match(before) if isinstance(before, str) else None
    if row.kind is Kind.CANCER_GRADE:
        if "+" in new.value:
            return f"Gleason {new.value}"
        return (
            f"{named[0]}{new.value}"
            if named and "grade" in named[0].lower()
            else f"grade {new.value}"
        )
    if row.kind is Kind.CANCER_STAGE and row.slot == "group":
        return f"{named[0] if named else 'stage '}{new.value}"
    return new.value


def _words(concept: Mapping[str, Any], row: PhenotypeRow) -> str | None:
    text = concept.get("text")
    if not isinstance(text, str) or not text.strip():
        return None
    words = _NAMED.sub("", " ".join(text.split()))
    if row.kind is Kind.HORMONE_RECEPTOR and row.slot:
        words = re.sub(rf"^{re.escape(row.slot)}\s+", "", words, flags=re.IGNORECASE)
    return words.removesuffix(" (inferred by the model)")


def _codings(concept: Mapping[str, Any]) -> list[Coding]:
    given = concept.get("coding")
    return [
        Coding(system=str(c.get("system")), code=str(c["code"]), display=c.get("display"))
        for c in (given if isinstance(given, list) else ())
        if isinstance(c, dict) and c.get("code")
    ]


def _says_same_code(found: tuple[Coding, ...], known: tuple[Coding, ...]) -> bool:
    """Whether all codes that are found are known ones; a code in another system may be missing."""
    keys = {(c.system, c.code) for c in known}
    return bool(found) and {(c.system, c.code) for c in found} <= keys


def coded_value(row: PhenotypeRow, value: str) -> tuple[Coding, ...]:
    """Return the codes of a value of the row's phenotype, as the model's findings have them.

    A stage whose staging system the report does not name has no code (`mapping.staging`), and keeps none.
    """
    if row.kind is Kind.CANCER_STAGE and not row.codings:
        return ()
    return codings(row.kind, row.slot, value)
