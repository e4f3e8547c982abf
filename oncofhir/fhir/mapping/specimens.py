"""Builds the body site, and the Specimen (removed tissue) or BodyStructure (tumour in the body).

Source: mCODE 4.0.0, SD_HumanSpecimen, SD_Tumor, mcode-body-location-qualifier, mcode-laterality-qualifier.
"""

from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.mapping.conditions import coded
from oncofhir.fhir.mapping.report_origin import ReportOrigin
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.schemas.finding import Finding
from oncofhir.terminology.qualifiers import location_qualifiers, with_location

SPECIMEN = "specimen"
TUMOR = "tumor"


def body_site(site: Finding | None, laterality: Finding | None) -> dict[str, Any] | None:
    """Build the site with its laterality and place in the organ; None if neither site nor side is known."""
    if site is None and laterality is None:
        return None
    qualifiers = [
        {"url": codes.LOCATION_EXTENSION, "valueCodeableConcept": place}
        for place in _places(site, laterality)
    ]
    if laterality and laterality.codings:
        side = {"url": codes.LATERALITY_EXTENSION, "valueCodeableConcept": coded(laterality)}
        qualifiers.append(side)
    where: dict[str, Any] = {"extension": qualifiers} if qualifiers else {}
    if site:
        return {**where, **coded(site), "text": site.value}
    return {**where, "text": laterality.value if laterality else ""}


def _places(site: Finding | None, laterality: Finding | None) -> list[dict[str, Any]]:
    """Return the location qualifiers: the place within the organ that the site's code names."""
    if site is None or not site.codings:
        return []
    side = laterality.value if laterality else None
    text = with_location(site.value, [quote.text for quote in site.evidence], side)
    places = location_qualifiers(text, site.codings[0])
    return [{"coding": [place.model_dump(exclude_none=True)]} for place in places]


def anchor_kind(context: RunContext) -> str:
    """Return what a size is measured on: the specimen of a pathology report, else the tumour in the body."""
    return SPECIMEN if context.report_origin is ReportOrigin.PATHOLOGY else TUMOR


def specimen_or_body_structure(
    context: RunContext, slot: str, site: Finding | None, laterality: Finding | None
) -> dict[str, Any]:
    """Build the Specimen or BodyStructure of a report that names none, by `anchor_kind`."""
    if anchor_kind(context) == SPECIMEN:
        return _specimen(context, slot, body_site(site, laterality))
    return _body_structure(context, slot, site, laterality)


def _specimen(context: RunContext, slot: str, where: dict[str, Any] | None) -> dict[str, Any]:
    collection = {"collection": {"bodySite": where}} if where else {}
    return {
        "resourceType": "Specimen",
        "id": context.identifier(slot)["value"],
        "meta": context.meta(codes.MCODE + "mcode-human-specimen"),
        "identifier": [context.identifier(slot)],
        "type": codes.TUMOR_SPECIMEN,
        "subject": context.subject,
        **collection,
    }


def _body_structure(
    context: RunContext, slot: str, site: Finding | None, laterality: Finding | None
) -> dict[str, Any]:
    """Build mcode-tumor. Its `location` is 1..1: an unknown one is coded as unknown."""
    side = [coded(laterality)] if laterality and laterality.codings else []
    qualifiers = [*_places(site, laterality), *side]
    ident = context.identifier(slot)
    return {
        "resourceType": "BodyStructure",
        "id": ident["value"],
        "meta": context.meta(codes.MCODE + "mcode-tumor"),
        "identifier": [
            ident,
            {
                "use": "usual",
                "type": {
                    "coding": [
                        {"system": "http://hl7.org/fhir/resource-types", "code": "BodyStructure"}
                    ]
                },
                "system": context.systems.tumor,
                "value": ident["value"],
            },
        ],
        "active": True,
        "location": {**coded(site), "text": site.value} if site else codes.UNKNOWN,
        **({"locationQualifier": qualifiers} if qualifiers else {}),
        "patient": context.subject,
    }
