"""A consumer that has joined the group, once the broker answers."""

from collections.abc import Callable
from contextlib import suppress

import structlog
from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import MemberState

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.settings import KafkaSettings

_FETCH_BYTES = 8 * 2**20
# A broker is asked one thing at a time. While records of the other partitions lie in the client it is asked
# for the empty ones alone, and holds that question this long: nothing else can be fetched meanwhile.
_FETCH_WAIT_MS = 50
_LONGEST_BACKOFF = 15.0
_METADATA_MS = 30_000  # how soon a topic or partition that was added is seen

log = structlog.get_logger(__name__)


def create_group_consumer(
    settings: KafkaSettings, wait: Callable[[float], bool]
) -> KafkaConsumer | None:
    """Try until the broker answers; None when `wait`, called between tries, says to stop.

    Its eager assignors do not rewind a partition that is revoked and handed back, which would lose work
    dropped on revoke; hence the cooperative one.

    Raises:
        AccessDenied: the broker refuses us.
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
            delay = min(2.0 ** (attempt - 1) / 2, _LONGEST_BACKOFF)
            log.warning(
                "waiting for the broker",
                reason=error.reason.value,
                address=error.location,
                detail=error.detail,
                attempt=attempt,
                next_try_seconds=delay,
            )
    return None


def warn_about_missing_topics(consumer: KafkaConsumer, settings: KafkaSettings) -> None:
    """Say which input topics the broker does not have."""
    with suppress(KafkaError):
        missing = sorted(set(settings.input_topics) - consumer.topics())
        if missing:
            log.warning("input topics are missing: oncofhir topics ensure", topics=missing)


def is_group_member(consumer: KafkaConsumer) -> bool:
    """In the group, and the broker that keeps the group answers."""
    # The state stays stable until the session ends; that the coordinator was lost is told nowhere else.
    coordinator = getattr(consumer, "_coordinator", None)
    is_lost = coordinator is not None and coordinator.coordinator_unknown()
    return not is_lost and consumer.group_metadata().state == MemberState.STABLE
