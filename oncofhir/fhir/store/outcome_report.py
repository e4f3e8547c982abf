"""What is told of a version: the rows and the outcome row for the topics."""

from collections.abc import Callable
from datetime import datetime

from oncofhir.fhir.store.head import Head
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.identity import resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, Processed
from oncofhir.schemas.reasons import Reason


class Telling:
    """In shadow mode rows and outcomes say that nothing of them is in the store."""

    def __init__(
        self, *, source_name: str, software: str, shadow: bool, clock: Callable[[], datetime]
    ) -> None:
        self._source_name = source_name
        self._software = software
        self._shadow = shadow
        self._clock = clock

    def of_head(self, head: Head, *, wrote: bool = False) -> Processed:
        """The rows and the outcome that a head holds."""
        return self.marked(Processed(outcome=head.outcome, rows=head.published, wrote_store=wrote))

    def of_version(
        self,
        source: SourceReference,
        status: OutcomeStatus,
        reason: Reason | None,
        head: Head | None,
    ) -> Processed:
        """An outcome row of a version that leaves the store as it is."""
        row = OutcomeRow(
            document=head.document if head else resource_key(self._source_name, source),
            revision=0,  # it leaves the document's latest row in force
            status=status,
            reason=reason.value if reason else None,
            source=source.unversioned,
            source_version=source.version,
            software=self._software,
            recorded=self._clock(),
        )
        return self.marked(Processed(outcome=row))

    def marked(self, processed: Processed) -> Processed:
        """The same, marked in shadow mode."""
        if not self._shadow:
            return processed
        mark = {"shadow": True}
        rows = tuple(row.model_copy(update=mark) for row in processed.rows)
        outcome = processed.outcome.model_copy(update=mark)
        return processed.model_copy(update={"rows": rows, "outcome": outcome})
