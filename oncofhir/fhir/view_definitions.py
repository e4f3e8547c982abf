"""SQL on FHIR ViewDefinitions of the findings: the rows' columns, read from Condition and Observation.

Source: SQL on FHIR 2.0.0, ViewDefinition. Only FHIRPath of its required subset is used, so that any runner
takes the views. All have the same columns in the same order: UNION ALL of them is the table of findings.
"""

from collections.abc import Iterator
from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.identifiers import IdentifierSystems

_CANONICAL = "urn:oncofhir:view:"
_EVIDENCE = f"extension('{codes.DERIVATION}').first().extension"
_CONCEPT = "value.ofType(CodeableConcept)"
_SITE = "bodySite.first()"
_SIDE = f"{_SITE}.extension('{codes.LATERALITY_EXTENSION}').first().{_CONCEPT}"
_IS_FINDING = "identifier.where(system = %finding_system).exists()"
_STANDS = {
    "Condition": "verificationStatus.coding.where(code = 'entered-in-error').exists().not()",
    "Observation": "status != 'entered-in-error'",
}
_SIZE = "component.where({longest}).first().value.ofType(Quantity)"


def view_definitions(identifier_system: str) -> dict[str, Any]:
    """Return a Bundle (collection) of ViewDefinitions for a site's FHIR__IDENTIFIER_SYSTEM.

    A code's display is the text of the value where the resource has no other: `text` is "grade 2" where the
    row's `value` is "2".
    """
    finding = IdentifierSystems(prefix=identifier_system).finding
    views = [*_of_conditions(finding), *_of_observations(finding)]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": view["url"], "resource": view} for view in views],
    }


def _of_conditions(finding: str) -> Iterator[dict[str, Any]]:
    yield _view("Condition", finding, "diagnosis", None, concept="code")
    # A body site without a code and with a side may hold the side alone.
    site = f"{_SITE}.exists() and ({_SITE}.coding.exists() or {_SIDE}.exists().not())"
    yield _view("Condition", finding, "tumor-site", None, concept=_SITE, where=site)
    yield _view(
        "Condition", finding, "tumor-laterality", None, concept=_SIDE, where=f"{_SIDE}.exists()"
    )


def _of_observations(finding: str) -> Iterator[dict[str, Any]]:
    size = _SIZE.format(longest=_has_code("code", codes.LONGEST_DIMENSION))
    yield _observation(finding, "tumor-size", None, [codes.SIZE], number=size)
    yield _observation(finding, "histological-type", None, [codes.HISTOLOGY])
    yield _observation(finding, "cancer-grade", None, [codes.GRADE, codes.GLEASON])
    for slot, concept in codes.RECEPTORS.items():
        yield _observation(finding, "hormone-receptor", slot, [concept])
    for slot, listed in codes.STAGES.items():
        concepts = [codes.concept(codes.SNOMED_CT, code, "") for code in listed[::2]]
        if slot == "group":
            concepts += [codes.FIGO_STAGE, codes.LYMPHOMA_STAGE]
        yield _observation(finding, "cancer-stage", slot, concepts)


def _observation(
    finding: str,
    kind: str,
    slot: str | None,
    concepts: list[dict[str, Any]],
    number: str | None = None,
) -> dict[str, Any]:
    where = " or ".join(_has_code("code", concept) for concept in concepts)
    return _view("Observation", finding, kind, slot, concept=_CONCEPT, where=where, number=number)


def _has_code(element: str, concept: dict[str, Any]) -> str:
    coding = concept["coding"][0]
    matches = f"system = '{coding['system']}' and code = '{coding['code']}'"
    return f"{element}.coding.where({matches}).exists()"


def _view(
    resource: str,
    finding: str,
    kind: str,
    slot: str | None,
    *,
    concept: str,
    where: str | None = None,
    number: str | None = None,
) -> dict[str, Any]:
    is_condition = resource == "Condition"
    name = "_".join(
        part for part in ("oncofhir", kind.replace("-", "_"), (slot or "").lower()) if part
    )
    effective = f"extension('{codes.ASSERTED_DATE}').first().value"
    columns = [
        ("finding", "string", "identifier.where(system = %finding_system).first().value"),
        ("resource", "string", "getResourceKey()"),
        ("source", "string", f"{_EVIDENCE}('reference').first().value.ofType(Reference).reference"),
        ("subject", "string", "subject.getReferenceKey()"),
        ("encounter", "string", "encounter.getReferenceKey()"),
        ("kind", "string", f"'{kind}'"),
        ("slot", "string", f"'{slot}'" if slot else "{}"),
        ("text", "string", f"{concept}.text"),
        ("number", "decimal", f"{number}.value" if number else "{}"),
        ("unit", "code", f"{number}.code" if number else "{}"),
        ("system", "uri", f"{concept}.coding.first().system"),
        ("code", "code", f"{concept}.coding.first().code"),
        ("display", "string", f"{concept}.coding.first().display"),
        ("path", "string", f"{_EVIDENCE}('path').first().value.ofType(string)"),
        ("attachment_start", "integer", f"{_EVIDENCE}('offset').first().value.ofType(integer)"),
        ("length", "integer", f"{_EVIDENCE}('length').first().value.ofType(integer)"),
        ("effective", "dateTime", f"{effective if is_condition else 'effective'}.ofType(dateTime)"),
        (
            "tumor_condition",
            "string",
            "getResourceKey()"
            if is_condition
            else f"extension('{codes.RELATED_CONDITION}').first().value.ofType(Reference).getReferenceKey()",
        ),
        ("review", "code", "verificationStatus.coding.first().code" if is_condition else "status"),
    ]
    return {
        "resourceType": "ViewDefinition",
        "url": _CANONICAL + name,
        "name": name,
        "title": f"Findings of kind {kind}" + (f", {slot}" if slot else ""),
        "status": "active",
        "resource": resource,
        "fhirVersion": ["4.0.1"],
        "constant": [{"name": "finding_system", "valueUri": finding}],
        "select": [
            {"column": [{"name": n, "path": path, "type": kind_} for n, kind_, path in columns]}
        ],
        "where": [{"path": path} for path in (_IS_FINDING, _STANDS[resource], where) if path],
    }
