"""One invented report through a running installation: published, found, stored, traced, retracted.

It goes the way of every report: it is put on the input topic and a worker elsewhere does the rest. The
patient and the report carry the label HTEST (test health data,
http://terminology.hl7.org/CodeSystem/v3-ActReason).
"""

import asyncio
import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.publishing.report_publisher import publish_resources
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus
from oncofhir.settings import KafkaSettings

PATIENT = "oncofhir-smoke-test"
# The mark makes the document one of this run's own: the same words again would be an alias of the last run's.
REPORT = """SURGICAL PATHOLOGY REPORT (INVENTED, FOR A TEST OF THE INSTALLATION)
Test run: {mark}

FINAL DIAGNOSIS:
LEFT BREAST, LUMPECTOMY:
- Invasive ductal carcinoma, breast cancer, Nottingham grade 2.
- Tumor size: 2.3 cm.
- Pathologic stage: pT2 pN0.
"""
_TEST_DATA = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_FIRST, _RETRACTION = 1, 2  # the report's versions
_POLL_MS = 500
_LOOK_AGAIN_SECONDS = 1.0  # a server's search may lag behind its writes


class SmokeTestFailed(Exception):
    """The report did not become what it should; the message says which step, and what to look at."""


class SmokeTest(Value):
    """What became of the invented report."""

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
        SmokeTestFailed: a step did not end in time or ended otherwise.
        DependencyUnavailable, AccessDenied, RequestRejected: a dependency refuses or does not answer.
    """
    began = time.monotonic()
    deadline = began + seconds
    mark = uuid4().hex[:12]
    await store.update(_patient())
    progress(f"patient {PATIENT} is in the store")
    watch = await asyncio.to_thread(_OutputReader, kafka)
    try:
        try:
            outcome, condition, provenance = await _publish_and_verify(
                watch, kafka, store, mark, deadline, progress
            )
        except SmokeTestFailed as error:
            raise SmokeTestFailed(
                f"{error}; {await _retract_after_failure(watch, kafka, mark, deadline, progress)}"
            ) from error
        report = _report(mark, _RETRACTION, "entered-in-error")
        retracted = await _publish_and_wait(watch, kafka, report, deadline, progress)
        if retracted.status is not OutcomeStatus.RETRACTED:
            raise SmokeTestFailed(f"the retraction's outcome is {retracted.status.value}")
    finally:
        await asyncio.to_thread(watch.close)
    return SmokeTest(
        report=f"DiagnosticReport/{_report_id(mark)}",
        condition=condition,
        provenance=provenance,
        findings=outcome.findings,
        retracted=True,
        seconds=round(time.monotonic() - began, 1),
    )


async def _publish_and_verify(
    watch: "_OutputReader",
    kafka: KafkaSettings,
    store: FhirClient,
    mark: str,
    deadline: float,
    progress: Callable[[str], None],
) -> tuple[OutcomeRow, str, str]:
    """The report's outcome, its Condition and the Condition's Provenance."""
    outcome = await _publish_and_wait(
        watch, kafka, _report(mark, _FIRST, "final"), deadline, progress
    )
    if outcome.status is not OutcomeStatus.FOUND:
        raise SmokeTestFailed(
            f"the report's outcome is {outcome.status.value} ({outcome.reason or 'no reason'}) and not "
            f"found: {_hint(outcome)}"
        )
    condition = await _condition(watch, _report_id(mark), deadline, store)
    provenance = await _provenance(condition, deadline, store)
    progress(f"stored: {condition}, traced by {provenance}")
    return outcome, condition, provenance


def _hint(outcome: OutcomeRow) -> str:
    """What to look at when a report was not read as one with findings."""
    if outcome.status is OutcomeStatus.NOTHING_FOUND:
        return "see whether the model and its prompt set fit each other"
    if outcome.status is OutcomeStatus.DUPLICATE_RESOURCE:
        return "another resource in the store shows the same document"
    if outcome.reason:
        return "'oncofhir reasons' says what to do"
    return "see the worker's log"


async def _retract_after_failure(
    watch: "_OutputReader",
    kafka: KafkaSettings,
    mark: str,
    deadline: float,
    progress: Callable[[str], None],
) -> str:
    """Retract the report of a test that failed, and say how that went."""
    report = _report(mark, _RETRACTION, "entered-in-error")
    try:
        outcome = await _publish_and_wait(watch, kafka, report, deadline, progress)
    except (SmokeTestFailed, OncofhirError) as error:
        if watch.published == _RETRACTION:
            return "its retraction is published, without an outcome so far"
        return f"DiagnosticReport/{_report_id(mark)} is not retracted ({error})"
    return f"its retraction's outcome is {outcome.status.value}"


async def _publish_and_wait(
    watch: "_OutputReader",
    kafka: KafkaSettings,
    report: dict[str, Any],
    deadline: float,
    progress: Callable[[str], None],
) -> OutcomeRow:
    async for publication in publish_resources([report], kafka):
        at = publication.coordinates
    watch.published += 1
    progress(
        f"published as {report['status']}: {at.topic}, partition {at.partition}, offset {at.offset}"
    )
    while time.monotonic() < deadline:
        await asyncio.to_thread(watch.poll)
        if at in watch.dead_letters:
            raise SmokeTestFailed(
                f"the report lies in {kafka.dead_letter_topic}: {watch.dead_letters[at]}; "
                "'oncofhir reasons' says what to do"
            )
        if at in watch.outcomes:
            return watch.outcomes[at]
    raise SmokeTestFailed(
        "no outcome in time: see whether a worker is ready (/ready says what it waits for) and has the "
        f"partition {at.partition} of {at.topic}"
    )


async def _condition(watch: "_OutputReader", ident: str, deadline: float, store: FhirClient) -> str:
    """The Condition that the diagnosis's row names, seen in the store."""
    while time.monotonic() < deadline:
        for row in watch.rows:
            named = row.source.removesuffix("/").endswith(f"DiagnosticReport/{ident}")
            if (
                named
                and row.kind is Kind.DIAGNOSIS
                and row.status is RowStatus.CURRENT
                and row.resource
            ):
                kind, _, logical_id = row.resource.partition("/")
                await store.read(kind, logical_id.partition("/")[0])
                return row.resource
        await asyncio.to_thread(watch.poll)
    raise SmokeTestFailed(
        "findings were stored but no diagnosis among them: see whether the model and its prompt set fit"
    )


async def _provenance(condition: str, deadline: float, store: FhirClient) -> str:
    while time.monotonic() < deadline:
        found = await store.search("Provenance", {"target": condition})
        if found:
            return f"Provenance/{found[0]['id']}"
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    raise SmokeTestFailed(f"no Provenance of {condition} is found in the store")


def _patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": PATIENT,
        "meta": {"security": [_TEST_DATA]},
        "active": False,
        "name": [{"text": "Invented patient of oncofhir's smoke test"}],
    }


def _report_id(mark: str) -> str:
    return f"{PATIENT}-{mark}"


def _report(mark: str, version: int, status: str) -> dict[str, Any]:
    text = REPORT.format(mark=mark)
    written = datetime.now(UTC) + timedelta(seconds=version - 1)
    return {
        "resourceType": "DiagnosticReport",
        "id": _report_id(mark),
        "meta": {
            "versionId": str(version),
            "lastUpdated": written.isoformat(timespec="milliseconds"),
            "security": [_TEST_DATA],
        },
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": written.date().isoformat(),
        "presentedForm": [
            {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
        ],
    }


class _OutputReader:
    """Reads the output topics from their ends on, in no group; blocks, so it is called in a thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._decoder = RowDecoder.of(settings)
        self.outcomes: dict[Coordinates, OutcomeRow] = {}
        self.dead_letters: dict[Coordinates, str] = {}
        self.rows: list[PhenotypeRow] = []
        self.published = 0
        options = client_options(settings, "smoke-test") | {
            "group_id": None,
            "enable_auto_commit": False,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
        self._consumer = connect(KafkaConsumer, settings, **options)
        try:
            partitions = self._partitions()
            self._consumer.assign(partitions)
            self._consumer.seek_to_end(*partitions)
            for partition in partitions:
                self._consumer.position(partition)
        except KafkaError as error:
            self.close()
            raise translate_error(error, settings) from error
        except SmokeTestFailed:
            self.close()
            raise

    def _partitions(self) -> list[TopicPartition]:
        names = self._settings
        topics = (names.phenotype_topic, names.outcome_topic, names.dead_letter_topic)
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]
        missing = set(topics) - {partition.topic for partition in partitions}
        if missing:
            named = ", ".join(sorted(missing))
            raise SmokeTestFailed(f"missing or not readable: {named}; run 'oncofhir topics ensure'")
        return partitions

    def poll(self) -> None:
        """Take what came."""
        try:
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
        except KafkaError as error:
            raise translate_error(error, self._settings) from error
        for messages in polled.values():
            for message in messages:
                self._take(message)

    def _take(self, message: Any) -> None:
        headers = {
            name: (value or b"").decode("utf-8", "replace") for name, value in message.headers
        }
        if message.value is None:
            return
        if message.topic == self._settings.phenotype_topic:
            self.rows.append(PhenotypeRow.model_validate_json(self._decoder.json(message.value)))
        elif message.topic == self._settings.outcome_topic:
            if (at := _source(headers, "oncofhir-source-")) is not None:
                row = self._decoder.json(message.value)
                self.outcomes[at] = OutcomeRow.model_validate_json(row)
        elif (at := _source(headers, "oncofhir-")) is not None:
            self.dead_letters[at] = headers.get("oncofhir-reason", "no reason given")

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _source(headers: dict[str, str], prefix: str) -> Coordinates | None:
    """Where the record of a row or a dead letter came from; None if its headers do not say."""
    topic, partition, offset = (
        headers.get(prefix + name) for name in ("topic", "partition", "offset")
    )
    if topic is None or not (partition or "").isdigit() or not (offset or "").isdigit():
        return None
    return Coordinates(topic, int(partition or 0), int(offset or 0))
