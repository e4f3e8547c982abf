"""Health checks and gauges of a running worker."""

import time
from collections.abc import Callable, Sequence

from prometheus_client import Metric

from oncofhir import __version__
from oncofhir.consumers.health.credential_expiry import CredentialExpiry
from oncofhir.consumers.health.probes import ProbeResult
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.circuit_breaker import BreakerState
from oncofhir.consumers.processing.failure_policy import Dependency
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.scheduler import KeyedScheduler
from oncofhir.consumers.source.poll_thread import PollThread
from oncofhir.consumers.source.priority import Priority
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.settings import Settings
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics

# The poll loop turns every 0.05 s; a broker that hangs may block it for 30 s.
LIVE_SECONDS = 60.0
_BREAKER_VALUES = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


class WorkerStatus:
    """Reads the parts of a worker. Changes nothing but the gauges.

    `in_flight_since` holds the records in flight, with the time of their poll (monotonic seconds).
    `is_started`, `is_stopping` and `halted_by` are set by the worker; the last says in codes why it halts,
    and at which record.
    """

    def __init__(
        self,
        poll_thread: PollThread,
        scheduler: KeyedScheduler,
        outages: OutageMonitor,
        metrics: Metrics,
        settings: Settings,
        model_queue: Callable[[], QueueStats] | None,
        settings_problem: Callable[[], str | None] = lambda: None,
        unavailable_hosts: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.in_flight_since: dict[SourceRecord, float] = {}
        self.is_started = False
        self.is_stopping = False
        self.halted_by: dict[str, str] = {}
        self._waiting_for = ""
        self._poll_thread = poll_thread
        self._scheduler = scheduler
        self._outages = outages
        self._metrics = metrics
        self._backfill_topics = settings.kafka.backfill_topics
        self._credentials = CredentialExpiry(settings)
        metrics.set(m.BUILD_INFO, 1, __version__)
        for topic in settings.kafka.input_topics:
            metrics.count(m.RECORDS_RECEIVED, topic, by=0)
            metrics.count(m.RECORDS_REMOVED, topic, by=0)
        for topic in (settings.kafka.phenotype_topic, settings.kafka.outcome_topic):
            metrics.count(m.ROWS, topic, by=0)
        self._model_queue = model_queue
        self._settings_problem = settings_problem
        self._unavailable_hosts = unavailable_hosts

    def set_waiting_for(self, dependency: str) -> None:
        """Set what a worker that starts waits for; nothing when it waits no more."""
        self._waiting_for = dependency

    @property
    def joined(self) -> bool:
        """Whether the worker is a member of its consumer group."""
        return self._poll_thread.joined

    @property
    def in_flight(self) -> int:
        """Number of records that were polled and are not finished."""
        return self._poll_thread.assignment.in_flight[0]

    @property
    def open_circuits(self) -> tuple[Dependency, ...]:
        """The dependencies that are unavailable: their circuit breakers are open."""
        return self._outages.open

    @property
    def lag(self) -> int:
        """Records that are not finished, over all assigned partitions, as far as it is known."""
        return sum(self._poll_thread.lag().values())

    def live(self) -> ProbeResult:
        """Return whether the poll loop turns. Before it runs, an answer of the event loop is enough."""
        silent = time.monotonic() - self._poll_thread.last_poll_at if self.is_started else 0.0
        return ProbeResult(silent < LIVE_SECONDS, {"seconds_since_poll": round(silent, 1)})

    def ready(self) -> ProbeResult:
        """Return whether the worker takes on work, and what it was judged by.

        An attachment host that does not answer is named and changes nothing: only its reports wait.
        """
        unavailable = [dependency.value for dependency in self.open_circuits]
        problem = self._settings_problem()
        details: dict[str, str | int | float | bool | list[str]] = {
            "joined": self.joined,
            "partitions": len(self._poll_thread.assignment.partitions),
            "unavailable": unavailable,
            "attachment_hosts_unavailable": list(self._unavailable_hosts()),
            "stopping": self.is_stopping,
        }
        if self._waiting_for:
            details["waiting_for"] = self._waiting_for
        if problem is not None:
            details["settings"] = problem
        details.update({f"halted_{name}": value for name, value in self.halted_by.items()})
        is_ready = self.joined and not unavailable and not self.is_stopping and problem is None
        return ProbeResult(is_ready, details)

    def started(self) -> ProbeResult:
        """Return whether broker, model and store have answered once."""
        if self._waiting_for:
            return ProbeResult(self.is_started, {"waiting_for": self._waiting_for})
        return ProbeResult(self.is_started, {})

    def render_metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        self._set_gauges()
        return self._metrics.exposed()

    def collect_metrics(self) -> list[Metric]:
        """Return all metrics as families of samples."""
        self._set_gauges()
        return self._metrics.collect()

    def _set_gauges(self) -> None:
        thread = self._poll_thread
        records, size = thread.assignment.in_flight
        self._metrics.set(m.RECORDS_IN_FLIGHT, records)
        self._metrics.set(m.BYTES_IN_FLIGHT, size)
        self._metrics.set(m.REPORTS_IN_PROGRESS, self._scheduler.running)
        self._metrics.set(m.ASSIGNED, len(thread.assignment.partitions))
        self._metrics.set(m.PAUSED, thread.partitions_paused)
        self._metrics.set(m.READY, self.ready().ok)
        ages = self._backlog_ages()
        for priority in tuple(Priority) if self._backfill_topics else (Priority.LIVE,):
            is_paused = priority in thread.paused_priorities
            self._metrics.set(m.CONSUMPTION_PAUSED, is_paused, priority.value)
            self._metrics.set(m.BACKLOG_AGE, ages.get(priority, 0.0), priority.value)
        self._metrics.clear(m.CREDENTIAL_EXPIRY)
        for expiry in self._credentials.read():
            self._metrics.set(m.CREDENTIAL_EXPIRY, expiry.at, expiry.setting, expiry.kind)
        self._metrics.clear(m.ATTACHMENT_HOST)
        for origin in self._unavailable_hosts():
            self._metrics.set(m.ATTACHMENT_HOST, 1, origin)
        oldest = min(self.in_flight_since.values(), default=None)
        age = 0.0 if oldest is None else time.monotonic() - oldest
        self._metrics.set(m.OLDEST_IN_FLIGHT, age)
        if self._model_queue is not None:
            queue = self._model_queue()
            self._metrics.set(m.MODEL_SENT, queue.sent)
            self._metrics.set(m.MODEL_QUEUED, queue.waiting)
            self._metrics.set(m.MODEL_LIMIT, queue.limit)
        self._metrics.clear(m.LAG)
        for (topic, partition), lag in thread.lag().items():
            self._metrics.set(m.LAG, lag, topic, str(partition))
        for dependency, state in self._outages.states.items():
            self._metrics.set(m.CIRCUIT_BREAKER, _BREAKER_VALUES[state], dependency.value)

    def _backlog_ages(self) -> dict[Priority, float]:
        """Return the age of the oldest record in flight, by priority, from its timestamp in Kafka."""
        now, oldest = time.time(), dict[Priority, float]()
        for record in self.in_flight_since:
            is_backfill = record.coordinates.topic in self._backfill_topics
            priority = Priority.BACKFILL if is_backfill else Priority.LIVE
            age = max(0.0, now - record.timestamp / 1000)
            oldest[priority] = max(age, oldest.get(priority, 0.0))
        return oldest
