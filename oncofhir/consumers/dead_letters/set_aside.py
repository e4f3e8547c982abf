"""Sets a record aside: a dead letter, and an outcome row that the worker reads at its start."""

from datetime import UTC, datetime

from oncofhir.consumers.dead_letters.message import (
    OPERATOR,
    ReportFailure,
    build_dead_letter,
    build_reference,
)
from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.publishing.row_messages import dead_lettered, outcome_message
from oncofhir.consumers.tracing.messaging import with_trace
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.settings import KafkaSettings


async def set_aside(
    at: Coordinates, reader: BoundedReader, publisher: Publisher, settings: KafkaSettings
) -> SourceRecord | None:
    """Copy a record to the dead-letter topic, or a reference to it. Return None when there is no such record.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the broker answers.
    """
    polled = reader.read_one(*at)
    if polled is None:
        return None
    record = SourceRecord(
        at,
        AssignmentEpoch(at.topic, at.partition, 0),
        polled.timestamp,
        0.0,
        polled.key,
        polled.value,
        tuple(polled.headers),
    )
    failures = [ReportFailure(Reason.SET_ASIDE, OPERATOR, 0)]
    now, topic = datetime.now(UTC), settings.dead_letter_topic
    try:
        await publisher.publish([build_dead_letter(record, failures, now, topic)])
    except RequestRejected:  # too large, or refused by the topic
        await publisher.publish([build_reference(record, failures, now, topic)])
    row = dead_lettered(None, Reason.SET_ASIDE, record)
    trace = TraceContext.from_headers(record.headers)
    await publisher.publish([with_trace(outcome_message(row, record, settings), trace)])
    return record
