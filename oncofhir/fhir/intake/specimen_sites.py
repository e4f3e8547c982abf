"""Body sites of a report's specimens, in the source's words; the text may state no more than "mass"."""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.elements import Element, child, children, string
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.renditions import Piece
from oncofhir.fhir.intake.results import concept_piece, concept_text, read_referenced
from oncofhir.fhir.intake.source_reader import ReferenceReader


async def read_specimen_sites(
    resource: Mapping[str, Any], reader: ReferenceReader, limits: IntakeLimits, *, fetch: bool
) -> list[list[Piece]]:
    """Read the body site of each specimen that states one, preceded by the type of the specimen.

    Contained Specimens are always read, referenced ones only with `fetch`; absent ones are skipped.
    Paths are FHIRPath: `DiagnosticReport.specimen[0].resolve().collection.bodySite.text`.

    Raises:
        DependencyUnavailable, AccessDenied: the source is unavailable.
    """
    found: list[list[Piece]] = []
    for count, (at, reference) in enumerate(children(resource, "specimen", "DiagnosticReport")):
        if count >= limits.max_results:
            break
        named = string(reference, "reference", at)
        specimen = await read_referenced(resource, named, "Specimen", reader, fetch=fetch)
        if specimen is not None and specimen.get("status") != "entered-in-error":
            site = _site(specimen, f"{at}.resolve()")
            kind = concept_piece(specimen, "type", f"{at}.resolve()")
            if site is not None:
                found.append([site] if kind is None else [kind, site.after(": ")])
    return found


def _site(specimen: Element, path: str) -> Piece | None:
    """Return `collection.bodySite`: a CodeableConcept in R4, a CodeableReference in R5."""
    collection = child(specimen, "collection", path)
    if collection is None:
        return None
    site = child(collection, "bodySite", f"{path}.collection")
    if site is None:
        return None
    at = f"{path}.collection.bodySite"
    return concept_text(site, at) or concept_piece(site, "concept", at)
