"""Taking back what stands of a document: because of its report, or of the model that read it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from oncofhir.fhir.mapping.provenance import withdrawal
from oncofhir.fhir.mapping.rows import rows_as
from oncofhir.fhir.source_references import SourceReferences
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_store import Heads
from oncofhir.fhir.store.shared_resources import Standing
from oncofhir.fhir.store.strategies.transaction import put, reference_to
from oncofhir.fhir.store.withdrawal import successor, withdrawals
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason


class Retraction:
    """Each finding becomes entered-in-error, with a Provenance; what a human changed is left alone."""

    def __init__(
        self,
        heads: Heads,
        standing: Standing,
        sources: SourceReferences,
        *,
        organization: str,
        software: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._heads = heads
        self._standing = standing
        self._sources = sources
        self._organization = organization
        self._software = software
        self._clock = clock

    async def withdraw(
        self,
        head: Head,
        source: SourceReference,
        at: SourceVersion,
        reason: Reason,
        *,
        run: str | None,
    ) -> Head:
        """The document's next head, with nothing standing; it keeps `run` as the one that was asked last.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        head, stored = await self._heads.current(head)
        gone = withdrawals(head.resources, stored)
        rows = rows_as(head.rows, head.revision + 1, RowStatus.WITHDRAWN, gone.conflicts)
        new = successor(
            head,
            source,
            at,
            OutcomeStatus.RETRACTED,
            reason,
            rows,
            gone.resources,
            software=self._software,
            recorded=self._clock(),
            conflicts=len(gone.conflicts),
        ).model_copy(update={"run": run})
        entries = list(gone.entries)
        if entries:
            await self._standing.ensure_software(self._software)
            entries.append(put(self._provenance(new, entries)))
        return await self._heads.write(entries, new, head)

    def _provenance(self, head: Head, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return withdrawal(
            head.document,
            head.revision,
            [*(reference_to(entry["resource"]) for entry in entries), f"Task/{head.id}"],
            self._sources.reference_element(str(head.source)),
            software=self._software,
            organization=self._organization,
            recorded=head.outcome.recorded,
        )
