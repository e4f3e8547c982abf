"""Creates the consumer of the worker's group, once the broker is available."""

from collections.abc import Callable
from contextlib import suppress

import structlog
from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import MemberState

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.settings import KafkaSettings

_FETCH_BYTES = 8 * 2**20
# A broker answers one fetch at a time. While records of other partitions are buffered in the client, the
# fetch names the empty partitions alone and the broker holds it this long; nothing else can be fetched
# meanwhile.
_FETCH_WAIT_MS = 50
_BACKOFF = Backoff(first=0.5, longest=15.0)
_METADATA_MS = 30_000  # the longest time until an added topic or partition is seen

log = structlog.get_logger(__name__)


def create_group_consumer(
    settings: KafkaSettings, wait: Callable[[float], bool]
) -> KafkaConsumer | None:
    """Return a consumer as soon as the broker is available. Return None when `wait` says to stop.

    `wait` is called between attempts with the seconds to wait. kafka-python's eager assignors do not rewind
    a partition that is revoked and handed back, which would lose work dropped on revoke; hence the
    cooperative one.

    Raises:
        AccessDenied: the broker refuses the credentials.
    """
    options = client_options(settings, "worker") | {
        "group_id": settings.group_id,
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": min(3_000, settings.session_timeout_ms // 3),
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "fetch_max_bytes": _FETCH_BYTES,
        "fetch_max_wait_ms": _FETCH_WAIT_MS,
        "metadata_max_age_ms": _METADATA_MS,
        "metrics_enabled": False,
    }
    attempt, delay = 0, 0.0
    while not wait(delay):
        attempt += 1
        try:
            return connect(KafkaConsumer, settings, **options)
        except DependencyUnavailable as error:
            delay = _BACKOFF.delay(attempt)
            log.warning(
                "waiting for broker",
                reason=error.reason.value,
                address=error.location,
                detail=error.detail,
                attempt=attempt,
                retry_seconds=delay,
            )
    return None


def warn_about_missing_topics(consumer: KafkaConsumer, settings: KafkaSettings) -> None:
    """Log the input topics that the broker does not have."""
    with suppress(KafkaError):
        missing = sorted(set(settings.input_topics) - consumer.topics())
        if missing:
            log.warning("input topics are missing", topics=missing, remedy="oncofhir topics ensure")


def is_group_member(consumer: KafkaConsumer) -> bool:
    """Return whether the consumer is in its group and the group's coordinator is available."""
    # The state stays stable until the session ends; only this shows that the coordinator was lost.
    coordinator = getattr(consumer, "_coordinator", None)
    is_lost = coordinator is not None and coordinator.coordinator_unknown()
    return not is_lost and consumer.group_metadata().state == MemberState.STABLE
