"""Recall of what one model, or one prompt set, wrote: which heads hold it, and its withdrawal.

The head names the model and the prompt set of its last run as identifiers, so that one search finds them;
a withdrawn head keeps them, so that a recall that was cut off goes on where it stopped.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.store.head import Head, from_task
from oncofhir.fhir.store.repository import Repository
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import StoreConflict, UnreadableReport
from oncofhir.schemas.outcome import OutcomeStatus, Processed
from oncofhir.schemas.reasons import Reason

_PAGE = "100"
_WRITE_ATTEMPTS = 3


class Recalled(Value):
    """Whose findings are withdrawn: by model digest, by prompt set (name@version), or by both."""

    model: str | None = None
    prompt_set: str | None = None
    since: datetime | None = None

    def wrote(self, head: Head) -> bool:
        """Whether what stands in a head, or stood until its withdrawal, is theirs and as young as `since`."""
        said = head.outcome
        stands = any(not resource.withdrawn for resource in head.resources.values())
        return (
            (stands or said.status is OutcomeStatus.RETRACTED)
            and (self.model is None or said.model_digest == self.model)
            and (self.prompt_set is None or said.prompt_set == self.prompt_set)
            and (self.since is None or head.asserted >= self.since)
        )


class Fate(StrEnum):
    """What became of a document."""

    WITHDRAWN = "withdrawn"
    WOULD_BE_WITHDRAWN = "would-be-withdrawn"
    ALREADY_WITHDRAWN = "already-withdrawn"
    NOT_ANY_MORE = "written-anew-meanwhile"


class Recall(Value):
    """One document: resources withdrawn, and references of those that humans changed and that stand."""

    document: str
    source: str
    fate: Fate
    withdrawn: int
    human_edited: tuple[str, ...] = ()
    processed: Processed | None = None


async def heads_of(
    client: FhirClient, systems: IdentifierSystems, recalled: Recalled
) -> AsyncIterator[tuple[str, Head]]:
    """The heads that hold what is recalled, with the ids of their Tasks, page by page."""
    searched = (
        f"{systems.head_model}|{recalled.model}"
        if recalled.model is not None
        else f"{systems.head_prompt_set}|{recalled.prompt_set}"
    )
    params = {"identifier": searched, "_count": _PAGE}
    async for tasks in search_pages(client, "Task", params):
        for task in tasks:
            head = from_task(task)
            if head.id is not None and recalled.wrote(head):
                yield head.id, head


async def recall(
    client: FhirClient, repository: Repository, recalled: Recalled, task: str, *, dry_run: bool
) -> Recall:
    """Withdraw what one head holds, decided on its current state.

    Raises:
        StoreConflict: others wrote it again and again meanwhile.
        RequestRejected, DependencyUnavailable, AccessDenied: as the store answered.
    """
    for attempt in range(1, _WRITE_ATTEMPTS + 1):
        try:
            head = from_task(await client.read("Task", task))
        except UnreadableReport as error:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "the head is gone") from error
        if not recalled.wrote(head):
            return _said(head, Fate.NOT_ANY_MORE)
        if head.outcome.status is OutcomeStatus.RETRACTED:
            processed = repository.republished(head)
            return _said(head, Fate.ALREADY_WITHDRAWN, processed=processed)
        standing = await repository.standing(head)
        kept = tuple(sorted(map(head.named, standing.conflicts)))
        if dry_run:
            return _said(head, Fate.WOULD_BE_WITHDRAWN, len(standing.entries), kept)
        try:
            processed = await repository.recall(head)
        except StoreConflict:
            if attempt == _WRITE_ATTEMPTS:
                raise
            continue
        return _said(head, Fate.WITHDRAWN, len(standing.entries), kept, processed)
    raise AssertionError("the loop returns or raises")  # pragma: no cover


def _said(
    head: Head,
    fate: Fate,
    withdrawn: int = 0,
    kept: tuple[str, ...] = (),
    processed: Processed | None = None,
) -> Recall:
    return Recall(
        document=head.document,
        source=head.source.unversioned,
        fate=fate,
        withdrawn=withdrawn,
        human_edited=kept,
        processed=processed,
    )
