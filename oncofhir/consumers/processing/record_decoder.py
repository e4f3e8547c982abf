"""Decodes a polled record, a large one off the event loop."""

import asyncio
from functools import partial

from oncofhir.consumers.dead_letters.message import DECODE
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.failure_handler import failure_of
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

_IN_THREAD_BYTES = 256 * 1024


async def decode_record(record: SourceRecord, hl7v2: Hl7v2Settings) -> tuple[ReportEvent, ...]:
    """Return the reports that a record announces.

    Raises:
        UnreadableReport: as `decode`; unexpected for any other error, which is a bug.
    """
    headers = [(name, value) for name, value in record.headers if value is not None]
    read = partial(decode, record.value, headers, record.coordinates.topic, hl7v2)
    try:
        return await asyncio.to_thread(read) if record.size > _IN_THREAD_BYTES else read()
    except UnreadableReport:
        raise
    except Exception as error:  # noqa: BLE001 - a bug: the stream continues
        failure = failure_of(error, DECODE, 1, None)
        raise UnreadableReport(Reason.UNEXPECTED, failure.location, failure.detail) from None
