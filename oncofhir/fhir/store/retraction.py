"""Withdraws a document's findings, because of its report or because of the model that read it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from oncofhir.fhir.mapping.provenance import withdrawal_provenance
from oncofhir.fhir.mapping.rows import with_status
from oncofhir.fhir.source_references import SourceReferences
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.entries import put_entry, reference_to
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_store import HeadStore
from oncofhir.fhir.store.shared_resources import SharedResources
from oncofhir.fhir.store.withdrawal import next_head, plan_withdrawal
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason


class Retraction:
    """Marks each finding entered-in-error, with a Provenance. Resources that a human edited stay."""

    def __init__(
        self,
        heads: HeadStore,
        shared: SharedResources,
        sources: SourceReferences,
        *,
        organization: str,
        software: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._heads = heads
        self._shared = shared
        self._sources = sources
        self._organization = organization
        self._software = software
        self._clock = clock

    async def withdraw(
        self,
        head: Head,
        source: SourceReference,
        version: SourceVersion,
        reason: Reason,
        *,
        run: str | None,
    ) -> Head:
        """Withdraw the document's findings and return its next head, which names `run` as the last one.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        head, stored = await self._heads.read_current(head)
        withdrawal = plan_withdrawal(head.resources, stored, head.reviewed_resources)
        rows = with_status(head.rows, head.revision + 1, RowStatus.WITHDRAWN, withdrawal.conflicts)
        new = next_head(
            head,
            source,
            version,
            OutcomeStatus.RETRACTED,
            reason,
            rows,
            withdrawal.resources,
            software=self._software,
            recorded=self._clock(),
            conflicts=len(withdrawal.conflicts),
        ).model_copy(update={"run": run})
        entries = list(withdrawal.entries)
        if entries:
            await self._shared.ensure_software(self._software)
            entries.append(put_entry(self._provenance(new, entries)))
        return await self._heads.write(entries, new, head)

    def _provenance(self, head: Head, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return withdrawal_provenance(
            head.document,
            head.revision,
            [*(reference_to(entry["resource"]) for entry in entries), f"Task/{head.id}"],
            self._sources.reference_element(str(head.source)),
            software=self._software,
            organization=self._organization,
            recorded=head.outcome.recorded,
        )
