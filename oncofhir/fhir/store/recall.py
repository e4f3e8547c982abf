"""Recall of what one model, or one prompt set, wrote.

The head names the model and the prompt set of its last run as identifiers, so that one search finds all
heads. A withdrawn head keeps them, so that an interrupted recall continues where it stopped.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.store.head import Head, result_of
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.repository import Repository
from oncofhir.fhir.store.withdrawal import plan_withdrawal
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import StoreConflict, UnreadableReport
from oncofhir.schemas.outcome import OutcomeStatus, Processed
from oncofhir.schemas.reasons import Reason

_PAGE_SIZE = "100"
_WRITE_ATTEMPTS = 3


class RecallFilter(Value):
    """Whose findings are withdrawn: those of a model (digest), of a prompt set (name@version), or of both."""

    model: str | None = None
    prompt_set: str | None = None
    since: datetime | None = None

    def matches(self, head: Head) -> bool:
        """Whether the findings of a head, also withdrawn ones, are theirs and not older than `since`."""
        outcome = head.outcome
        has_findings = any(not resource.withdrawn for resource in head.resources.values())
        return (
            (has_findings or outcome.status is OutcomeStatus.RETRACTED)
            and (self.model is None or outcome.model_digest == self.model)
            and (self.prompt_set is None or outcome.prompt_set == self.prompt_set)
            and (self.since is None or head.asserted >= self.since)
        )


class RecallStatus(StrEnum):
    """The result of a recall for one document."""

    WITHDRAWN = "withdrawn"
    WOULD_BE_WITHDRAWN = "would-be-withdrawn"
    ALREADY_WITHDRAWN = "already-withdrawn"
    REWRITTEN = "rewritten-meanwhile"
    """Another run has replaced the findings in the meantime."""


class RecallResult(Value):
    """One document of a recall.

    `withdrawn` counts the withdrawn resources. `human_edited` are the references of resources that humans
    edited and that stay as they are.
    """

    document: str
    source: str
    status: RecallStatus
    withdrawn: int = 0
    human_edited: tuple[str, ...] = ()
    processed: Processed | None = None


async def find_heads(
    client: FhirClient, systems: IdentifierSystems, recalled: RecallFilter
) -> AsyncIterator[tuple[str, Head]]:
    """Find the matching heads, with the ids of their Tasks, page by page."""
    token = (
        f"{systems.head_model}|{recalled.model}"
        if recalled.model is not None
        else f"{systems.head_prompt_set}|{recalled.prompt_set}"
    )
    params = {"identifier": token, "_count": _PAGE_SIZE}
    async for tasks in search_pages(client, "Task", params):
        for task in tasks:
            head = from_task(task)
            if head.id is not None and recalled.matches(head):
                yield head.id, head


async def recall(
    client: FhirClient, repository: Repository, recalled: RecallFilter, task: str, *, dry_run: bool
) -> RecallResult:
    """Withdraw the findings of one head, given by its Task's id and decided on its current state.

    Raises:
        StoreConflict: other writers changed it again and again, or the head was deleted.
        RequestRejected, DependencyUnavailable, AccessDenied: as the store answered.
    """
    for attempt in range(1, _WRITE_ATTEMPTS + 1):
        try:
            head = from_task(await client.read("Task", task))
        except UnreadableReport as error:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "the head was deleted") from error
        if not recalled.matches(head):
            return _result(head, RecallStatus.REWRITTEN)
        if head.outcome.status is OutcomeStatus.RETRACTED:
            processed = repository.replay_outcome(head)
            return _result(head, RecallStatus.ALREADY_WITHDRAWN, processed=processed)
        access = await repository.access()
        current, stored = await access.heads.read_current(head)
        planned = plan_withdrawal(current.resources, stored, current.reviewed_resources)
        count = len(planned.entries)
        edited = tuple(sorted(map(current.server_reference, planned.conflicts)))
        if dry_run:
            return _result(head, RecallStatus.WOULD_BE_WITHDRAWN, count, edited)
        try:
            # The head keeps the run: the same model does not read this version again. Another model, or
            # the next version of the report, revives what it finds.
            new = await access.retraction.withdraw(
                head, head.source, head.version, Reason.MODEL_RECALLED, run=head.run
            )
        except StoreConflict:
            if attempt == _WRITE_ATTEMPTS:
                raise
            continue
        processed = result_of(new, wrote_store=True)
        return _result(head, RecallStatus.WITHDRAWN, count, edited, processed)
    raise AssertionError("the loop returns or raises")  # pragma: no cover


def _result(
    head: Head,
    status: RecallStatus,
    withdrawn: int = 0,
    human_edited: tuple[str, ...] = (),
    processed: Processed | None = None,
) -> RecallResult:
    return RecallResult(
        document=head.document,
        source=head.source.unversioned,
        status=status,
        withdrawn=withdrawn,
        human_edited=human_edited,
        processed=processed,
    )
