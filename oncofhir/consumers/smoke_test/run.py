"""Publishes an invented report, waits for its findings in store and topics, and retracts it.

The report takes the path of every report: it is published to the input topic, and a running worker processes
it.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.publishing.output_reader import (
    OutputReader,
    PublishedDeadLetter,
    PublishedOutcome,
    output_reader,
)
from oncofhir.consumers.publishing.report_publisher import publish_resources
from oncofhir.consumers.smoke_test.report import PATIENT_ID, InventedReport, patient
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import AccessDenied, OncofhirError, RequestRejected
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus
from oncofhir.settings import KafkaSettings

_POLL_MS = 500
_SEARCH_AGAIN_SECONDS = 1.0  # a server's search may lag behind its writes


class SmokeTestFailed(Exception):
    """A step of the smoke test failed; the message names the step and what to check."""


class SmokeTest(Value):
    """The results of a smoke test that passed."""

    report: str
    condition: str
    provenance: str
    findings: int
    retracted: bool
    seconds: float


async def smoke_test(
    kafka: KafkaSettings, store: FhirClient, *, seconds: float, progress: Callable[[str], None]
) -> SmokeTest:
    """Publish a report, wait for its Condition and Provenance, and retract it.

    Raises:
        SmokeTestFailed: a step timed out or had another result.
        DependencyUnavailable, AccessDenied, RequestRejected: a dependency refuses or does not answer.
    """
    began = time.monotonic()
    await store.update(patient())
    progress(f"patient {PATIENT_ID} is in the store")
    with ExitStack() as stack:
        reader = await asyncio.to_thread(_open_reader, stack, kafka)
        run = _Run(kafka, store, reader, began + seconds, progress)
        result = await run.run()
    return result.model_copy(update={"seconds": round(time.monotonic() - began, 1)})


def _open_reader(stack: ExitStack, kafka: KafkaSettings) -> OutputReader:
    try:
        return stack.enter_context(output_reader(kafka, "smoke-test", from_beginning=False))
    except RequestRejected as error:
        raise SmokeTestFailed(
            f"missing or not readable: {error.location}; run 'oncofhir topics ensure'"
        ) from error


class _Run:
    """One run: its report, and its rows and outcomes on the output topics so far."""

    def __init__(
        self,
        kafka: KafkaSettings,
        store: FhirClient,
        reader: OutputReader,
        deadline: float,
        progress: Callable[[str], None],
    ) -> None:
        self._kafka = kafka
        self._store = store
        self._reader = reader
        self._deadline = deadline
        self._progress = progress
        self._report = InventedReport()
        self._outcomes: dict[Coordinates, OutcomeRow] = {}
        self._dead_letters: dict[Coordinates, str] = {}
        self._rows: list[PhenotypeRow] = []
        self._is_retraction_published = False

    async def run(self) -> SmokeTest:
        """Take the report through all steps; retract it also when one fails."""
        try:
            outcome = await self._found()
            condition = await self._condition()
            provenance = await self._provenance(condition)
        except SmokeTestFailed as error:
            raise SmokeTestFailed(f"{error}; {await self._retract_after_failure()}") from error
        self._progress(f"stored: {condition}, traced by {provenance}")
        retracted = await self._retract()
        if retracted.status is not OutcomeStatus.RETRACTED:
            raise SmokeTestFailed(f"the retraction's outcome is {retracted.status.value}")
        return SmokeTest(
            report=self._report.reference,
            condition=condition,
            provenance=provenance,
            findings=outcome.findings,
            retracted=True,
            seconds=0,
        )

    async def _found(self) -> OutcomeRow:
        outcome = await self._outcome(await self._publish(self._report.final()))
        if outcome.status is not OutcomeStatus.FOUND:
            raise SmokeTestFailed(
                f"the report's outcome is {outcome.status.value} ({outcome.reason or 'no reason'}) and not "
                f"found: {_hint(outcome)}"
            )
        return outcome

    async def _retract(self) -> OutcomeRow:
        at = await self._publish(self._report.retraction())
        self._is_retraction_published = True
        return await self._outcome(at)

    async def _retract_after_failure(self) -> str:
        """Retract the report of a failed test, and describe the result."""
        try:
            outcome = await self._retract()
        except (SmokeTestFailed, OncofhirError) as error:
            if self._is_retraction_published:
                return "its retraction is published, without an outcome so far"
            return f"{self._report.reference} is not retracted ({error})"
        return f"its retraction's outcome is {outcome.status.value}"

    async def _publish(self, report: dict[str, Any]) -> Coordinates:
        await self._store_report(report)
        async for publication in publish_resources([report], self._kafka):
            at = publication.coordinates
        self._progress(
            f"published as {report['status']}: {at.topic}, partition {at.partition}, offset {at.offset}"
        )
        return at

    async def _store_report(self, report: dict[str, Any]) -> None:
        """Store the report: a server that checks references takes no findings without it."""
        try:
            await self._store.update(report)
        except (AccessDenied, RequestRejected) as error:
            self._progress(f"the store does not take the report itself: {error}")

    async def _outcome(self, at: Coordinates) -> OutcomeRow:
        while time.monotonic() < self._deadline:
            await asyncio.to_thread(self._poll)
            if at in self._dead_letters:
                raise SmokeTestFailed(
                    f"the report is a dead letter in {self._kafka.dead_letter_topic}: "
                    f"{self._dead_letters[at]}; 'oncofhir reasons' says what to do"
                )
            if at in self._outcomes:
                return self._outcomes[at]
        raise SmokeTestFailed(
            "no outcome in time: see whether a worker is ready (/ready says what it waits for) and has the "
            f"partition {at.partition} of {at.topic}"
        )

    async def _condition(self) -> str:
        """Return the Condition that the diagnosis row names, read from the store."""
        while time.monotonic() < self._deadline:
            for row in self._rows:
                if self._is_diagnosis(row) and row.resource:
                    kind, _, logical_id = row.resource.partition("/")
                    await self._store.read(kind, logical_id.partition("/")[0])
                    return row.resource
            await asyncio.to_thread(self._poll)
        raise SmokeTestFailed(
            "findings were stored but no diagnosis among them: see whether the model and its prompt set fit"
        )

    def _is_diagnosis(self, row: PhenotypeRow) -> bool:
        return (
            row.source.removesuffix("/").endswith(self._report.reference)
            and row.kind is Kind.DIAGNOSIS
            and row.status is RowStatus.CURRENT
        )

    async def _provenance(self, condition: str) -> str:
        while time.monotonic() < self._deadline:
            found = await self._store.search("Provenance", {"target": condition})
            if found:
                return f"Provenance/{found[0]['id']}"
            await asyncio.sleep(_SEARCH_AGAIN_SECONDS)
        raise SmokeTestFailed(f"no Provenance of {condition} is found in the store")

    def _poll(self) -> None:
        for output in self._reader.poll(_POLL_MS):
            match output:
                case PublishedOutcome(source, row):
                    self._outcomes[source] = row
                case PublishedDeadLetter(source, reason):
                    self._dead_letters[source] = reason
                case PhenotypeRow():
                    self._rows.append(output)


def _hint(outcome: OutcomeRow) -> str:
    """Say what to check when a report has no findings."""
    if outcome.status is OutcomeStatus.NOTHING_FOUND:
        return "see whether the model and its prompt set fit each other"
    if outcome.status is OutcomeStatus.DUPLICATE_RESOURCE:
        return "another resource in the store shows the same document"
    if outcome.reason:
        return "'oncofhir reasons' says what to do"
    return "see the worker's log"
