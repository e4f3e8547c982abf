"""The service: Kafka in, Kafka out, and a `ReportProcessor` between them.

poll thread → decode → scheduler → processor → rows → outcome → offset. Dependencies are awaited before
anything is consumed. SIGTERM and SIGINT shut it down gracefully.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from oncofhir import __version__
from oncofhir.consumers.dead_letters.recent_outcomes import read_recent_outcomes
from oncofhir.consumers.health.probes import ProbeServer, probe_app
from oncofhir.consumers.health.progress_log import INTERVAL_SECONDS, ProgressLog
from oncofhir.consumers.health.startup_checks import check_topics_at_startup, wait_until_available
from oncofhir.consumers.health.status import WorkerStatus
from oncofhir.consumers.health.termination import on_termination
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.record_processor import RecordProcessor
from oncofhir.consumers.processing.report_task import ReportProcessor
from oncofhir.consumers.processing.scheduler import KeyedScheduler
from oncofhir.consumers.source.poll_thread import PollThread
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.schemas.errors import OncofhirError, TooManyDeadLetters
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import Settings, SettingsError
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics

_RECORDS_PER_TURN = 16  # records dispatched before other tasks of the event loop get their turn

log = structlog.get_logger(__name__)


class Worker:
    """One worker of the consumer group. Create and run it in one event loop, once.

    `http_port` is known once it runs (`settings.http.port` may be 0). `model_queue` returns the state of the
    requests to the model servers, `unavailable_hosts` the attachment hosts that do not answer.
    `progress_seconds` is the interval of the progress log. `tracer` begins a trace per report.
    """

    def __init__(
        self,
        settings: Settings,
        processor: ReportProcessor,
        model_queue: Callable[[], QueueStats] | None = None,
        progress_seconds: float = INTERVAL_SECONDS,
        tracer: Tracer = NO_TRACING,
        unavailable_hosts: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._settings = settings
        self._processor = processor
        self._metrics = Metrics(m.WORKER_DEFINITIONS)
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()
        self._error: BaseException | None = None
        self._records: asyncio.Queue[SourceRecord] = asyncio.Queue()
        self.http_port = 0
        self._poll_thread = PollThread(
            settings.kafka,
            asyncio.get_running_loop(),
            on_records=self._on_records,
            on_partitions_dropped=self._on_dropped,
            on_records_missed=self._on_records_missed,
            on_stopped=self._on_poll_thread_stopped,
        )
        self._publisher = Publisher(settings.kafka)
        self._scheduler = KeyedScheduler(settings.kafka.max_in_flight_records, self.halt)
        self._outages = OutageMonitor(
            settings.retry,
            probe=processor.check_dependencies,
            on_change=self._on_outage_changed,
            halt=self.halt,
        )
        self._record_processor = RecordProcessor(
            processor,
            self._publisher,
            settings.kafka,
            settings.retry,
            self._metrics,
            self._outages,
            hl7v2=settings.hl7v2,
            finish=self._on_finished,
            halt=self.halt,
            tracer=tracer,
        )
        self.status = WorkerStatus(
            self._poll_thread,
            self._scheduler,
            self._outages,
            self._metrics,
            settings,
            model_queue,
            lambda: self._record_processor.settings_problem,
            unavailable_hosts,
        )
        self._progress_log = ProgressLog(
            self.status, self._record_processor.outcomes, progress_seconds
        )

    async def run(self) -> None:
        """Serve until `stop`, SIGTERM or SIGINT. Then finish running jobs, commit and leave the group.

        Raises:
            AccessDenied: a dependency refuses the credentials.
            TooManyDeadLetters: the limit is reached.
            SettingsError: a secret cannot be read, the port is in use or a topic is missing.
        """
        app = probe_app(self.status, self.status.render_metrics, self._metrics.content_type)
        async with ProbeServer(app, self._settings.http) as server:
            self.http_port = server.port
            log.info("worker started", version=__version__, http_port=server.port)
            with on_termination(self.stop):
                await self._serve()
        if self._error is not None:
            raise self._error
        log.info("worker stopped")

    def stop(self) -> None:
        """Shut down gracefully. A second call does not wait for running jobs."""
        if self._stopping.is_set():
            self._forced.set()
        self._stop()

    def halt(self, error: BaseException, record: Coordinates | None = None) -> None:
        """Shut down because of an error, met at a record. The first error counts, and `run` raises it."""
        if self._error is None:
            self._error = error
            fields = _error_fields(error) | _record_fields(error, record)
            self.status.halted_by = fields
            log.error("worker halting", **fields)
            for name in ("record", "remedy"):
                if name in fields:
                    error.add_note(f"{name}: {fields[name]}")
        self._forced.set()
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        self.status.is_stopping = True

    async def _serve(self) -> None:
        side_tasks: list[asyncio.Task[None]] = []
        try:
            if not await self._wait_for_dependencies():
                return
            self.status.is_started = True
            self._poll_thread.start()
            side_tasks = [
                asyncio.create_task(self._outages.run()),
                asyncio.create_task(self._dispatch_records()),
                asyncio.create_task(self._progress_log.run()),
            ]
            for task in side_tasks:
                task.add_done_callback(self._on_side_task_ended)
            await self._stopping.wait()
            await self._shut_down(side_tasks)
        finally:
            await self._publisher.close()

    async def _wait_for_dependencies(self) -> bool:
        """Wait for each dependency. Return False when the worker stops instead."""
        try:
            for name, request in (
                ("broker", self._publisher.connect),
                ("schema registry", self._publisher.prepare_rows),
                ("topics", self._check_topics),
                ("outcomes", self._restore_recent_outcomes),
                ("model and store", self._processor.check_dependencies),
            ):
                if not await wait_until_available(
                    name, request, self._stopping, self.status.set_waiting_for
                ):
                    return False
        except (OncofhirError, SettingsError) as error:
            self.halt(error)
            return False
        return True

    async def _check_topics(self) -> None:
        if self._settings.kafka.check_topics:
            await check_topics_at_startup(self._settings.kafka)

    async def _restore_recent_outcomes(self) -> None:
        limit = self._settings.retry.max_consecutive_dead_letters
        recent = await asyncio.to_thread(read_recent_outcomes, self._settings.kafka, limit)
        self._record_processor.restore(recent.consecutive_dead_letters, recent.set_aside)

    async def _dispatch_records(self) -> None:
        """Turn records into jobs, in the order in which they arrive."""
        dispatched = 0
        while True:
            record = await self._records.get()
            if self._poll_thread.assignment.is_current(record.epoch):
                for job in await self._record_processor.jobs_for(record):
                    if self._poll_thread.assignment.is_current(job.epoch):
                        self._scheduler.submit(job)
            else:  # dropped on Kafka's thread before it arrived here
                self.status.in_flight_since.pop(record, None)
            dispatched += 1
            if dispatched % _RECORDS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _shut_down(self, side_tasks: Sequence[asyncio.Task[None]]) -> None:
        log.info(
            "stopping",
            in_flight=len(self.status.in_flight_since),
            running=self._scheduler.running,
        )
        # 1. Take on nothing more.
        self._poll_thread.pause()
        for task in side_tasks:
            task.remove_done_callback(self._on_side_task_ended)
            task.cancel()
        # 2. Let running jobs finish, unless a second signal or an error forces the end.
        drain = asyncio.create_task(self._scheduler.drain(self._settings.shutdown_timeout_seconds))
        forced = asyncio.create_task(self._forced.wait())
        await asyncio.wait({drain, forced}, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        if not drain.done():
            drain.cancel()
            await self._scheduler.close()
        elif not drain.result():
            log.warning(
                "shutdown timeout; records in flight will be redelivered",
                in_flight=len(self.status.in_flight_since),
            )
        # 3. Commit what is finished, and leave the group.
        await self._poll_thread.close()

    def _on_records(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            self.status.in_flight_since[record] = record.polled
            self._metrics.count(m.RECORDS_RECEIVED, record.coordinates.topic)
            self._records.put_nowait(record)

    def _on_finished(self, record: SourceRecord) -> None:
        self.status.in_flight_since.pop(record, None)
        self._poll_thread.finish(record)

    def _on_dropped(self, epochs: frozenset[AssignmentEpoch]) -> None:
        self._scheduler.cancel(epochs)
        for record in [r for r in self.status.in_flight_since if r.epoch in epochs]:
            del self.status.in_flight_since[record]

    def _on_records_missed(self, topic: str, count: int) -> None:
        self._metrics.count(m.RECORDS_REMOVED, topic, by=count)

    def _on_poll_thread_stopped(self, cause: BaseException | None) -> None:
        if cause is not None:
            self.halt(cause)

    def _on_side_task_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(error)

    def _on_outage_changed(self) -> None:
        if self._outages.open:
            self._poll_thread.pause()
        elif not self._stopping.is_set():
            self._poll_thread.resume()


def _error_fields(error: BaseException) -> dict[str, str]:
    """Describe an error in codes. The message of any other error may hold PHI."""
    if isinstance(error, OncofhirError):
        fields = {"reason": error.reason.value, "at": error.location, "detail": error.detail}
        return {name: value for name, value in fields.items() if value}
    if isinstance(error, SettingsError):
        return {"reason": "settings", "detail": str(error)}
    return {"reason": type(error).__name__}


def _record_fields(error: BaseException, record: Coordinates | None) -> dict[str, str]:
    """Name the record at which an error was met, and the remedy."""
    remedy = error.reason.remedy if isinstance(error, OncofhirError) else ""
    if record is None:
        return {"remedy": remedy} if remedy else {}
    if not isinstance(error, TooManyDeadLetters | SettingsError):
        remedy = (
            f"{remedy} If only this record is affected: oncofhir dead-letters add {record}".strip()
        )
    return {"record": str(record)} | ({"remedy": remedy} if remedy else {})
