"""What a worker tells of itself: the answers to its probes, and its gauges at the time of a scrape."""

import time
from collections.abc import Callable

from oncofhir.consumers.health.probes import ProbeResult
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.circuit_breaker import BreakerState
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.scheduler import KeyedScheduler
from oncofhir.consumers.source.poll_thread import PollThread
from oncofhir.consumers.source.priority import Priority
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.telemetry import metrics as m

# A turn of the poll loop takes 0.05 s; a broker that hangs may hold it up for 30 s.
LIVE_SECONDS = 60.0
_BREAKER_VALUES = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


class WorkerStatus:
    """Looks at the parts of a worker; changes nothing but the gauges.

    `unfinished` are the records that have no end yet, with the time of their poll (monotonic seconds).
    `is_started` and `is_stopping` are set by the worker.
    """

    def __init__(
        self,
        source: PollThread,
        scheduler: KeyedScheduler,
        outages: OutageMonitor,
        metrics: m.Metrics,
        lanes: tuple[Priority, ...],
        model_queue: Callable[[], QueueStats] | None,
    ) -> None:
        self.in_flight_since: dict[SourceRecord, float] = {}
        self.is_started = False
        self.is_stopping = False
        self._source = source
        self._scheduler = scheduler
        self._outages = outages
        self._metrics = metrics
        self._lanes = lanes
        self._model_queue = model_queue

    def live(self) -> ProbeResult:
        """The poll loop moves; before it runs, that the event loop answers is enough."""
        silent = time.monotonic() - self._source.last_poll_at if self.is_started else 0.0
        return ProbeResult(silent < LIVE_SECONDS, {"seconds_since_poll": round(silent, 1)})

    def ready(self) -> ProbeResult:
        """In the group, dependencies up, not stopping."""
        out = [dependency.value for dependency in self._outages.open]
        return ProbeResult(
            self._source.joined and not out and not self.is_stopping,
            {
                "joined": self._source.joined,
                "partitions": len(self._source.assignment.partitions),
                "out": out,
                "stopping": self.is_stopping,
            },
        )

    def started(self) -> ProbeResult:
        """Broker, model and store have answered once."""
        return ProbeResult(self.is_started, {})

    def render_metrics(self) -> bytes:
        """All metrics, as Prometheus scrapes them."""
        records, size = self._source.assignment.in_flight
        self._metrics.set(m.RECORDS_IN_FLIGHT, records)
        self._metrics.set(m.BYTES_IN_FLIGHT, size)
        self._metrics.set(m.REPORTS_IN_PROGRESS, self._scheduler.running)
        self._metrics.set(m.ASSIGNED, len(self._source.assignment.partitions))
        self._metrics.set(m.PAUSED, self._source.partitions_paused)
        for lane in self._lanes:
            self._metrics.set(
                m.CONSUMPTION_PAUSED, lane in self._source.paused_priorities, lane.value
            )
        oldest = min(self.in_flight_since.values(), default=None)
        self._metrics.set(m.OLDEST_IN_FLIGHT, 0.0 if oldest is None else time.monotonic() - oldest)
        if self._model_queue is not None:
            queue = self._model_queue()
            self._metrics.set(m.MODEL_SENT, queue.sent)
            self._metrics.set(m.MODEL_QUEUED, queue.waiting)
            self._metrics.set(m.MODEL_LIMIT, queue.limit)
        self._metrics.clear(m.LAG)
        for (topic, partition), behind in self._source.lag().items():
            self._metrics.set(m.LAG, behind, topic, str(partition))
        for dependency, state in self._outages.states.items():
            self._metrics.set(m.CIRCUIT_BREAKER, _BREAKER_VALUES[state], dependency.value)
        return self._metrics.exposed()
