"""Where the tumour is and what was looked at: body site, Specimen (removed) or BodyStructure (in the body).

Source: mCODE 4.0.0, SD_HumanSpecimen, SD_Tumor, mcode-body-location-qualifier, mcode-laterality-qualifier.
"""

from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.mapping.conditions import coded
from oncofhir.fhir.mapping.report_origin import Origin
from oncofhir.fhir.mapping.run_context import Context
from oncofhir.schemas.finding import Finding
from oncofhir.terminology.qualifiers import location_qualifiers, with_place

SPECIMEN = "specimen"
TUMOR = "tumor"


def body_site(site: Finding | None, laterality: Finding | None) -> dict[str, Any] | None:
    """The site with its side and its place in the organ; None when neither site nor side is known."""
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
    """Where in the organ that the site's code names."""
    if site is None or not site.codings:
        return []
    side = laterality.value if laterality else None
    said = with_place(site.value, [quote.text for quote in site.evidence], side)
    places = location_qualifiers(said, site.codings[0])
    return [{"coding": [place.model_dump(exclude_none=True)]} for place in places]


def anchor_kind(context: Context) -> str:
    """What a size is measured on: the specimen of a pathology report, else the tumour in the body."""
    return SPECIMEN if context.origin is Origin.PATHOLOGY else TUMOR


def anchor(
    context: Context, slot: str, site: Finding | None, laterality: Finding | None
) -> dict[str, Any]:
    """The Specimen or BodyStructure for a report that names none, by `anchor_kind`."""
    if anchor_kind(context) == SPECIMEN:
        return _specimen(context, slot, body_site(site, laterality))
    return _tumor(context, slot, site, laterality)


def _specimen(context: Context, slot: str, where: dict[str, Any] | None) -> dict[str, Any]:
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


def _tumor(
    context: Context, slot: str, site: Finding | None, laterality: Finding | None
) -> dict[str, Any]:
    """mcode-tumor: `location` is 1..1, so an unknown one says so."""
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
