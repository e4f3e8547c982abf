"""What is said of a report that failed: where and why, in codes."""

import structlog

from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.reasons import Reason
from oncofhir.telemetry.logging import described

log = structlog.get_logger(__name__)


def log_failure(record: SourceRecord, error: Exception, stage: str, **more: float) -> None:
    """Log a failure; of an unexpected error type and place, for its message may quote the report."""
    at = record.coordinates
    where = {"topic": at.topic, "partition": at.partition, "offset": at.offset, "stage": stage}
    if isinstance(error, OncofhirError):
        log.warning("report failed", reason=error.reason.value, at=error.location, **where, **more)
    else:
        reason = Reason.UNEXPECTED.value
        log.error("report failed", reason=reason, **described(error), **where, **more)
