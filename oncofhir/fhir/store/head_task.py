"""The head as a FHIR Task: searchable data are elements, the rest is one JSON value in `Task.output`.

Source: http://hl7.org/fhir/R4/task.html; design, "Identity and the head".
"""

import json
from typing import Any

from pydantic import ValidationError

from oncofhir.fhir.codes import AI_ASSERTED
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head import Head
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason

STATE = "state"
FINDING = "finding"
# Left out of the JSON while they are empty, as in version 0.1.0.
_OPTIONAL = (
    "intents",
    "write_in_progress",
    "server_ids",
    "text_hashes",
    "aliases",
    "reviews",
    "reviewed_content",
)
_UNKNOWN_BEFORE = ("rejected", "lesions")  # version 0.2


def to_task(
    head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> dict[str, Any]:
    """Build the Task that stores a head."""
    task: dict[str, Any] = {
        "resourceType": "Task",
        "meta": {"security": [AI_ASSERTED, *head.security]},
        "identifier": _identifiers(head, systems),
        "status": "in-progress" if head.is_reservation or head.write_in_progress else "completed",
        "businessStatus": {"text": head.outcome.status.value},
        "intent": "order",
        "code": {"text": "oncofhir: reading of a report by a language model"},
        "focus": sources.reference_element(head.source.unversioned),
        "lastModified": head.outcome.recorded.isoformat(),
        "output": [
            *(
                {
                    "type": {"text": FINDING},
                    "valueReference": {"reference": head.server_reference(reference)},
                }
                for reference in head.tracked_references
            ),
            {"type": {"text": STATE}, "valueString": _state_json(head)},
        ],
    }
    if head.is_reservation:
        del task["businessStatus"]
    if head.subject is not None:
        task["for"] = sources.reference_element(head.subject)
    if head.id is not None:
        task["id"] = head.id
    return task


def _identifiers(head: Head, systems: IdentifierSystems) -> list[dict[str, str]]:
    """The document, its source resources, and the model and prompt set of the last run (for a recall)."""
    last_run = (
        (systems.head_model, head.outcome.model_digest),
        (systems.head_prompt_set, head.outcome.prompt_set),
    )
    documents = dict.fromkeys((head.document, *head.contents))
    return [
        *({"system": systems.document, "value": value} for value in documents),
        *({"system": systems.source, "value": key} for key in head.sources),
        *({"system": system, "value": value} for system, value in last_run if value),
    ]


def _state_json(head: Head) -> str:
    empty = {name for name in _OPTIONAL if not getattr(head, name)}
    empty |= {name for name in _UNKNOWN_BEFORE if getattr(head, name) is None}
    state = head.model_dump(mode="json", by_alias=True, exclude={"id", "version_id", *empty})
    return json.dumps(state, separators=(",", ":"), sort_keys=True)


def from_task(task: dict[str, Any]) -> Head:
    """Read the head that a Task stores.

    Raises:
        RequestRejected: store-rejected. The Task is not a head of this service, or its state was changed.
    """
    states = [
        output.get("valueString")
        for output in task.get("output", [])
        if output.get("type", {}).get("text") == STATE
    ]
    try:
        head = Head.model_validate_json(states[0] or "")
    except (IndexError, ValidationError) as error:
        raise RequestRejected(
            Reason.STORE_REJECTED, "Task.output", "the document's head cannot be read"
        ) from error
    version_id = task.get("meta", {}).get("versionId")
    return head.model_copy(update={"id": task.get("id"), "version_id": version_id})
