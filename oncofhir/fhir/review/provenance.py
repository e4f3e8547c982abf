"""The Provenance of a verdict: who verified which version of which element. Pure.

Sources: R4 provenance (entity role revision), provenance-participant-type (verifier, author), targetPath
(extension pack), ISO 21089 lifecycle events; US Core 6.1.0 provenance-1 (onBehalfOf for a Practitioner).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid5

from oncofhir.fhir.mapping.provenance import US_CORE, activity, assembler, participant
from oncofhir.fhir.review.elements import Resource
from oncofhir.fhir.review.verdicts import reviewer_element
from oncofhir.schemas.identity import NAMESPACE
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import Reviewer

TARGET_PATH = "http://hl7.org/fhir/StructureDefinition/targetPath"
_VERIFY = ("verify", "Verify Record Lifecycle Event")
_AMEND = ("amend", "Amend (Update) Record Lifecycle Event")
_ORIGINATE = ("originate", "Originate/Retain Record Lifecycle Event")
_ACTIVITIES = {
    ReviewStatus.CONFIRMED: (*_VERIFY, "A human confirmed the finding"),
    ReviewStatus.CORRECTED: (*_AMEND, "A human corrected the finding"),
    ReviewStatus.REFUTED: (*_AMEND, "A human refuted the finding"),
    ReviewStatus.ENTERED_IN_ERROR: (*_AMEND, "A human marked the finding entered in error"),
    ReviewStatus.UNREVIEWED: (*_AMEND, "A human took the verdict back"),
}
ADDED = (*_ORIGINATE, "A human added a finding that the model missed")


def verdict_provenance(
    key: str,
    status: ReviewStatus,
    targets: Sequence[tuple[str, str]],
    versions_before: Mapping[str, str],
    reviewer: Reviewer,
    source: dict[str, Any],
    *,
    software_device: str,
    organization: str,
    recorded: datetime,
    added: bool = False,
) -> Resource:
    """Build the Provenance of one verdict.

    `key` makes its id: a repeated write of the same verdict has the same one. `targets` are references with
    the FHIRPath of the element; `versions_before` are the versions that the reviewer saw, by reference. The
    display of a revision names the version too: HAPI FHIR strips versions. The author of an added
    finding is the reviewer.
    """
    code, display, text = ADDED if added else _ACTIVITIES[status]
    role = ("author", "Author") if added else ("verifier", "Verifier")
    on_behalf_of = {"display": organization}
    revisions = [
        {
            "role": "revision",
            "what": {"reference": f"{ref}/_history/{version}", "display": f"version {version}"},
        }
        for ref, version in versions_before.items()
    ]
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(NAMESPACE, f"verdict|{key}")),
        "meta": {"profile": [US_CORE]},
        "target": [_target(reference, path) for reference, path in targets],
        "occurredDateTime": recorded.isoformat(),
        "recorded": recorded.isoformat(),
        "activity": {**activity(code, display), "text": text},
        "agent": [
            {
                "type": participant(*role),
                "who": reviewer_element(reviewer),
                "onBehalfOf": on_behalf_of,
            },
            assembler(software_device, organization),
        ],
        "entity": [*revisions, {"role": "source", "what": source}],
    }


def _target(reference: str, path: str) -> dict[str, Any]:
    if not path:
        return {"reference": reference}
    return {"extension": [{"url": TARGET_PATH, "valueString": path}], "reference": reference}
