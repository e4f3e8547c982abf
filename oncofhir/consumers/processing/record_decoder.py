"""Decodes a polled record, a large one off the event loop."""

import asyncio
from functools import partial

from oncofhir.consumers.dead_letters.message import DECODE
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.failure_handler import failure_of
from oncofhir.fhir.hl7v2.message import is_message
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

_IN_THREAD_BYTES = 256 * 1024
_MESSAGE_IN_THREAD_BYTES = 16 * 1024  # HL7 v2: about 15 ms


async def decode_record(record: SourceRecord, hl7v2: Hl7v2Settings) -> tuple[ReportEvent, ...]:
    """Return the reports that a record announces.

    Raises:
        UnreadableReport: as `decode`; unexpected for any other error, which is a bug.
    """
    headers = [(name, value) for name, value in record.headers if value is not None]
    read = partial(decode, record.value, headers, record.coordinates.topic, hl7v2)
    try:
        is_hl7v2 = record.value is not None and is_message(record.value)
        limit = _MESSAGE_IN_THREAD_BYTES if is_hl7v2 else _IN_THREAD_BYTES
        return await asyncio.to_thread(read) if record.size > limit else read()
    except UnreadableReport:
        raise
    except Exception as error:  # noqa: BLE001 - a bug: the stream continues
        failure = failure_of(error, DECODE, 1, None)
        raise UnreadableReport(Reason.UNEXPECTED, failure.location, failure.detail) from None
