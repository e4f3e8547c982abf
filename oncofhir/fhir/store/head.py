"""The head: the state of one document, and the results that follow from it.

Source: design, "Identity and the head". `head_task.py` stores it as a FHIR Task. The stored JSON keeps the
field names of version 0.1.0: where a name differs here, the field has an alias.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from oncofhir.fhir.review.model import Review, StoredLesion, StoredRejection
from oncofhir.fhir.review.rows import reviewed_rows
from oncofhir.fhir.source_version import NEVER_READ, SourceVersion
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.schemas.base import StoredValue
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, Processed
from oncofhir.schemas.reasons import Reason

MAX_ALIASES = 20
"""The most other resources that a head records. Each is written to the head's Task, one after another."""


class StoredResource(StoredValue):
    """A resource that the head tracks, with the fingerprint of what this service wrote."""

    reference: str
    fingerprint: str
    withdrawn: bool = False


class AliasVersion(StoredValue):
    """The last known version of another resource that shows the document.

    `text_hash` is the hash of its attachment's text.
    """

    model_config = ConfigDict(populate_by_name=True)

    version: SourceVersion = Field(alias="at")
    text_hash: str | None = Field(default=None, alias="words")


class WriteIntent(StoredValue):
    """A resource that a writer without transactions is about to write, or has written, for a revision."""

    slot: str
    revision: int
    resource: StoredResource


class Head(StoredValue):
    """The state of a document.

    - `id`, `version_id`: the Task's, None before the head is stored.
    - `document`: the document's identity. `contents` are the identities that the attachments of all its
      versions would give it; another resource that shows the document finds it by them.
    - `sources`: keys of the source resources that show the document. `source` is the one that was read
      last, and `version` its version.
    - `text_hashes`: hashes of the attachment's text in its versions, the one read last at the end.
    - `aliases`: the known versions of the document's other resources, by their reference.
    - `run`, `revision`: the last run, and the number of changes to the document.
    - `resources`, `parts`: the resource and the specimen part of each slot. With `parts` a finding keeps
      its identity when a later version adds specimen parts.
    - `intents`: what a writer without transactions may have written in addition to `resources`.
      `write_in_progress` says that the writer has not completed yet (`write_intent.py`).
    - `server_ids`: the references that a server assigned, by this service's references (`id_mapping.py`).
    - `rows` are the machine's. `reviews` are the humans' words, by finding; `published_rows` has both.
    - `reviewed_content`: the fingerprint of each resource as a human left it, by reference; empty if the
      resource was deleted. Other content is an edit that nobody has read yet.
    - `rejected`, `lesions`: what a reviewer is shown in addition to the findings; None before version 0.2.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str | None = None
    version_id: str | None = None
    document: str
    contents: tuple[str, ...] = ()
    subject: str | None
    security: tuple[dict[str, Any], ...] = ()
    sources: tuple[str, ...]
    source: SourceReference
    version: SourceVersion = Field(alias="at")
    run: str | None
    revision: int
    resources: dict[str, StoredResource]
    parts: dict[str, str | None] = {}
    rows: tuple[PhenotypeRow, ...]
    outcome: OutcomeRow
    intents: tuple[WriteIntent, ...] = Field(default=(), alias="announced")
    write_in_progress: bool = Field(default=False, alias="writing")
    server_ids: dict[str, str] = Field(default={}, alias="names")
    text_hashes: tuple[str, ...] = Field(default=(), alias="words")
    aliases: dict[str, AliasVersion] = Field(default={}, alias="others")
    reviews: dict[str, Review] = {}
    reviewed_content: dict[str, str] = {}
    rejected: tuple[StoredRejection, ...] | None = None
    lesions: tuple[StoredLesion, ...] | None = None

    def with_alias(
        self, source: SourceReference, version: SourceVersion, text_hash: str | None
    ) -> "Head":
        """Return the head that knows this version of another resource of the document."""
        before = self.aliases.get(source.unversioned)
        alias = AliasVersion(
            version=version.after(before.version) if before else version,
            text_hash=text_hash or (before.text_hash if before else None),
        )
        return self.model_copy(update={"aliases": self.aliases | {source.unversioned: alias}})

    @property
    def current_text_hash(self) -> str | None:
        """The hash of the attachment's text that was read last."""
        return self.text_hashes[-1] if self.text_hashes else None

    @property
    def references(self) -> tuple[str, ...]:
        """The resources that the head tracks, and those of its write intents."""
        intended = (intent.resource.reference for intent in self.intents)
        return tuple(dict.fromkeys((*self.tracked_references, *intended)))

    @property
    def tracked_references(self) -> tuple[str, ...]:
        """The machine's resources, and those that reviewers added."""
        own = [resource.reference for resource in self.resources.values()]
        added = (review.resource for review in self.reviews.values() if review.added is not None)
        return (*own, *(reference for reference in added if reference not in own))

    @property
    def known_content(self) -> dict[str, str]:
        """The fingerprint of each tracked resource, by reference, as a human or the machine left it."""
        own = {resource.reference: resource.fingerprint for resource in self.resources.values()}
        return own | self.reviewed_content

    def unread_edits(self, stored: Mapping[str, dict[str, Any]]) -> list[str]:
        """The references of the resources that differ from what the head knows, deleted ones included.

        `stored` is what the store has of them, by reference.
        """
        return [
            reference
            for reference, known in self.known_content.items()
            if known != (fingerprint(stored[reference]) if reference in stored else "")
        ]

    @property
    def reviewed_resources(self) -> frozenset[str]:
        """The resources on which a human has decided: a run leaves them as they are."""
        return frozenset(r.resource for r in self.reviews.values() if r.decides) | frozenset(
            self.reviewed_content
        )

    def server_reference(self, reference: str) -> str:
        """Return the server's reference of a resource of the document."""
        return self.server_ids.get(reference, reference)

    @property
    def published_rows(self) -> tuple[PhenotypeRow, ...]:
        """The rows in force, with the server's references."""
        return tuple(
            row.model_copy(update={"resource": self.server_reference(row.resource)})
            if row.resource in self.server_ids
            else row
            for row in self.rows_in_force
        )

    @property
    def rows_in_force(self) -> tuple[PhenotypeRow, ...]:
        """The machine's rows under the reviews, then those that reviewers added; own references."""
        return tuple(reviewed_rows(self.rows, self.reviews, self.outcome))

    @property
    def is_reservation(self) -> bool:
        """Whether a worker has only reserved the document: no version of it was processed."""
        return self.revision == 0

    @property
    def asserted(self) -> datetime:
        """When the last run wrote. A later withdrawal does not change it."""
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
    """Build the empty head that precedes a document's first write.

    Several workers may create it. Only one of them can write under its version.
    """
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
        version=NEVER_READ,
        run=None,
        revision=0,
        resources={},
        rows=(),
        outcome=outcome,
    )


def result_of(head: Head, *, wrote_store: bool = False) -> Processed:
    """Build the result of a head: its rows and its outcome row."""
    return Processed(outcome=head.outcome, rows=head.published_rows, wrote_store=wrote_store)


def result_without_change(
    document: str,
    source: SourceReference,
    status: OutcomeStatus,
    reason: Reason | None,
    *,
    software: str,
    recorded: datetime,
) -> Processed:
    """Build the result of a version that leaves the store as it is.

    Its outcome row has revision 0, so that the document's latest row stays in force.
    """
    row = OutcomeRow(
        document=document,
        revision=0,
        status=status,
        reason=reason.value if reason else None,
        source=source.unversioned,
        source_version=source.version,
        software=software,
        recorded=recorded,
    )
    return Processed(outcome=row)


def as_shadow(result: Processed) -> Processed:
    """Return the result with all rows marked `shadow`: nothing of it is in the store."""
    mark = {"shadow": True}
    rows = tuple(row.model_copy(update=mark) for row in result.rows)
    outcome = result.outcome.model_copy(update=mark)
    return result.model_copy(update={"rows": rows, "outcome": outcome})
