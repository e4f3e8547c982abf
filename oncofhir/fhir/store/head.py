"""The head: one Task a document, and the decision that it leads to.

Source: design, "Identity and the head". What must be searched are elements; the rest is one JSON value.
"""

import json
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from oncofhir.fhir.codes import AI_ASSERTED
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.source_version import NEVER_READ, SourceVersion
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason

STATE = "state"
FINDING = "finding"


class StoredResource(Value):
    """A resource that the head answers for."""

    reference: str
    fingerprint: str
    withdrawn: bool = False


class Shown(Value):
    """What is known of another resource of the document; `words` is a hash of its attachment's text."""

    at: SourceVersion
    words: str | None = None


class Announced(Value):
    """A resource that a writer without transactions is about to write, or has written, for a revision."""

    slot: str
    revision: int
    resource: StoredResource


class Head(Value):
    """The state of a document. `id` and `version_id` are the Task's, None before it is stored.

    `document` is its identity; `contents` are the identities that its attachments of all versions
    would give it, by which another resource of the same document finds it. `parts` has the specimen
    part of each slot, so that a finding stays itself when parts are added. `announced` is what a
    writer without transactions may have written beside the resources, and `writing` says that it has
    not closed the head since (`sequential.py`). `names` has what a server that gives ids itself calls the
    resources, by their references here (`assigned.py`). `words` are hashes of the attachment's text in its
    versions, the one read last at the end; `others` are the versions known of the document's other
    resources.
    """

    id: str | None = None
    version_id: str | None = None
    document: str
    contents: tuple[str, ...] = ()
    subject: str | None
    security: tuple[dict[str, Any], ...] = ()
    sources: tuple[str, ...]
    source: SourceReference
    at: SourceVersion
    run: str | None
    revision: int
    resources: dict[str, StoredResource]
    parts: dict[str, str | None] = {}
    rows: tuple[PhenotypeRow, ...]
    outcome: OutcomeRow
    announced: tuple[Announced, ...] = ()
    writing: bool = False
    names: dict[str, str] = {}
    words: tuple[str, ...] = ()
    others: dict[str, Shown] = {}

    def seen(self, source: SourceReference, at: SourceVersion, words: str | None) -> "Head":
        """The head that knows of a version of another resource of the document."""
        before = self.others.get(source.unversioned)
        shown = Shown(
            at=at.after(before.at) if before else at,
            words=words or (before.words if before else None),
        )
        return self.model_copy(update={"others": self.others | {source.unversioned: shown}})

    @property
    def shows(self) -> str | None:
        """The words that it was last read from."""
        return self.words[-1] if self.words else None

    @property
    def references(self) -> tuple[str, ...]:
        """The resources that the head answers for, and those that may have been written beside."""
        known = (*self.resources.values(), *(a.resource for a in self.announced))
        return tuple(dict.fromkeys(resource.reference for resource in known))

    def named(self, reference: str) -> str:
        """What the server calls a resource of the document."""
        return self.names.get(reference, reference)

    @property
    def published(self) -> tuple[PhenotypeRow, ...]:
        """The rows, by the names that the server gave."""
        return tuple(
            row.model_copy(update={"resource": self.named(row.resource)})
            if row.resource in self.names
            else row
            for row in self.rows
        )

    @property
    def is_reservation(self) -> bool:
        """Whether a worker has only taken the document so far, and nothing is known of it."""
        return self.revision == 0

    @property
    def asserted(self) -> datetime:
        """When the last run wrote; a later withdrawal changes nothing in it."""
        return max((row.asserted for row in self.rows), default=self.outcome.recorded)


def reservation(
    document: str,
    source: SourceReference,
    key: str,
    subject: str | None,
    *,
    software: str,
    recorded: datetime,
) -> Head:
    """The head before the first transaction: of those who create it, one can write under its version."""
    outcome = OutcomeRow(
        document=document,
        revision=0,
        status=OutcomeStatus.NOTHING_FOUND,
        source=source.unversioned,
        software=software,
        recorded=recorded,
    )
    return Head(
        document=document,
        contents=(document,),
        subject=subject,
        sources=(key,),
        source=source.model_copy(update={"version": None}),
        at=NEVER_READ,
        run=None,
        revision=0,
        resources={},
        rows=(),
        outcome=outcome,
    )


def to_task(
    head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> dict[str, Any]:
    """The Task that holds a head."""
    empty = ("announced", "writing", "names", "words", "others")
    unsaid = {name for name in empty if not getattr(head, name)}
    state = head.model_dump(mode="json", exclude={"id", "version_id", *unsaid})
    task: dict[str, Any] = {
        "resourceType": "Task",
        "meta": {"security": [AI_ASSERTED, *head.security]},
        "identifier": [
            *(
                {"system": systems.document, "value": value}
                for value in dict.fromkeys((head.document, *head.contents))
            ),
            *({"system": systems.source, "value": key} for key in head.sources),
            *_read_with(head, systems),
        ],
        "status": "in-progress" if head.is_reservation or head.writing else "completed",
        "businessStatus": {"text": head.outcome.status.value},
        "intent": "order",
        "code": {"text": "oncofhir: reading of a report by a language model"},
        "focus": sources.reference_element(head.source.unversioned),
        "lastModified": head.outcome.recorded.isoformat(),
        "output": [
            *(
                {
                    "type": {"text": FINDING},
                    "valueReference": {"reference": head.named(stored.reference)},
                }
                for stored in head.resources.values()
            ),
            {"type": {"text": STATE}, "valueString": _json(state)},
        ],
    }
    if head.is_reservation:
        del task["businessStatus"]
    if head.subject is not None:
        task["for"] = sources.reference_element(head.subject)
    if head.id is not None:
        task["id"] = head.id
    return task


def _read_with(head: Head, systems: IdentifierSystems) -> list[dict[str, str]]:
    """What a recall searches by: the model and the prompt set of the last run."""
    said = (
        (systems.head_model, head.outcome.model_digest),
        (systems.head_prompt_set, head.outcome.prompt_set),
    )
    return [{"system": system, "value": value} for system, value in said if value]


def _json(state: dict[str, Any]) -> str:
    return json.dumps(state, separators=(",", ":"), sort_keys=True)


def from_task(task: dict[str, Any]) -> Head:
    """The head that a Task holds.

    Raises:
        RequestRejected: store-rejected: the Task is not one of ours, or someone changed its state.
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
    version = task.get("meta", {}).get("versionId")
    return head.model_copy(update={"id": task.get("id"), "version_id": version})
