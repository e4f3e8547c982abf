"""The service: Kafka in, Kafka out, a `ReportProcessor` between them.

source → decode → scheduler → processor → rows → outcome → offset. Dependencies are awaited before
anything is consumed; SIGTERM and SIGINT end it in order.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog

from oncofhir import __version__
from oncofhir.consumers.dead_letters.streak import count_trailing_dead_letters
from oncofhir.consumers.health.probes import ProbeServer, probe_app
from oncofhir.consumers.health.startup_checks import wait_until_available
from oncofhir.consumers.health.status import WorkerStatus
from oncofhir.consumers.health.topic_startup_check import check_topics_at_startup
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import AssignmentEpoch, SourceRecord
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.record_processor import RecordProcessor, ReportProcessor
from oncofhir.consumers.processing.scheduler import KeyedScheduler
from oncofhir.consumers.source.poll_thread import PollThread
from oncofhir.consumers.source.priority import Priority
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.schemas.errors import OncofhirError
from oncofhir.settings import Settings, SettingsError
from oncofhir.telemetry import metrics as m

_RECORDS_PER_TURN = 16  # records taken up before the event loop gets its turn

log = structlog.get_logger(__name__)


class Worker:
    """One worker of the consumer group. Made and run in one event loop, once.

    `http_port` is known once it runs (`settings.http.port` may be 0). `model_queue` tells how requests stand
    at the model servers.
    """

    def __init__(
        self,
        settings: Settings,
        processor: ReportProcessor,
        model_queue: Callable[[], QueueStats] | None = None,
    ) -> None:
        self._settings = settings
        self._processor = processor
        self._metrics = m.Metrics()
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()
        self._error: BaseException | None = None
        self._records: asyncio.Queue[SourceRecord] = asyncio.Queue()
        self.http_port = 0
        loop = asyncio.get_running_loop()
        self._poll_thread = PollThread(
            settings.kafka,
            loop,
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
        lanes = tuple(Priority) if settings.kafka.backfill_topics else (Priority.LIVE,)
        self.status = WorkerStatus(
            self._poll_thread, self._scheduler, self._outages, self._metrics, lanes, model_queue
        )
        self._record_processor = RecordProcessor(
            processor,
            self._publisher,
            settings.kafka,
            settings.retry,
            self._metrics,
            self._outages,
            finish=self._on_finished,
            halt=self.halt,
        )

    async def run(self) -> None:
        """Serve until `stop`, SIGTERM or SIGINT; then end what has begun, commit and leave.

        Raises:
            AccessDenied: a dependency refuses us.
            TooManyDeadLetters: the cap is reached.
            SettingsError: a secret cannot be read, the port is taken or a topic is missing.
        """
        app = probe_app(self.status, self.status.render_metrics, self._metrics.content_type)
        async with ProbeServer(app, self._settings.http) as server:
            self.http_port = server.port
            log.info("worker started", version=__version__, http_port=server.port)
            with _signals(self.stop):
                await self._serve()
        if self._error is not None:
            raise self._error
        log.info("worker stopped")

    def stop(self) -> None:
        """End in order; a second call ends without waiting for work."""
        if self._stopping.is_set():
            self._forced.set()
        self._stop()

    def halt(self, error: BaseException) -> None:
        """End because of an error; the first one counts and `run` raises it."""
        if self._error is None:
            self._error = error
            log.error("worker halts", **_error_fields(error))
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
            ]
            for task in side_tasks:
                task.add_done_callback(self._on_side_task_ended)
            await self._stopping.wait()
            await self._shut_down(side_tasks)
        finally:
            await self._publisher.close()

    async def _wait_for_dependencies(self) -> bool:
        """Wait for each; False when the worker is to end instead."""
        try:
            for name, ask in (
                ("broker", self._publisher.connect),
                ("topics", self._check_topics),
                ("outcomes", self._restore_dead_letter_count),
                ("model and store", self._processor.check_dependencies),
            ):
                if not await wait_until_available(name, ask, self._stopping):
                    return False
        except (OncofhirError, SettingsError) as error:
            self.halt(error)
            return False
        return True

    async def _check_topics(self) -> None:
        if self._settings.kafka.check_topics:
            await check_topics_at_startup(self._settings.kafka)

    async def _restore_dead_letter_count(self) -> None:
        most = self._settings.retry.max_consecutive_dead_letters
        count = await asyncio.to_thread(count_trailing_dead_letters, self._settings.kafka, most)
        self._record_processor.restore_dead_letter_count(count)

    async def _dispatch_records(self) -> None:
        """Queue records for work, in the order in which they came."""
        taken = 0
        while True:
            record = await self._records.get()
            if self._poll_thread.assignment.is_current(record.epoch):
                for job in await self._record_processor.jobs_for(record):
                    if self._poll_thread.assignment.is_current(job.epoch):
                        self._scheduler.submit(job)
            else:  # dropped on Kafka's thread before it arrived here
                self.status.in_flight_since.pop(record, None)
            taken += 1
            if taken % _RECORDS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _shut_down(self, side_tasks: Sequence[asyncio.Task[None]]) -> None:
        log.info(
            "stopping", unfinished=len(self.status.in_flight_since), working=self._scheduler.running
        )
        self._poll_thread.pause()
        for task in side_tasks:
            task.remove_done_callback(self._on_side_task_ended)
            task.cancel()
        drain = asyncio.create_task(self._scheduler.drain(self._settings.shutdown_timeout_seconds))
        hurried = asyncio.create_task(self._forced.wait())
        await asyncio.wait({drain, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not drain.done():
            drain.cancel()
            await self._scheduler.close()
        elif not drain.result():
            log.warning("work did not end in time and will be done again")
        await self._poll_thread.close()

    def _on_records(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            self.status.in_flight_since[record] = record.polled
            self._metrics.count(m.RECORDS_RECEIVED, record.coordinates.topic)
            self._records.put_nowait(record)

    def _on_finished(self, record: SourceRecord) -> None:
        self.status.in_flight_since.pop(record, None)
        self._poll_thread.finish(record)

    def _on_dropped(self, tenures: frozenset[AssignmentEpoch]) -> None:
        self._scheduler.cancel(tenures)
        for record in [r for r in self.status.in_flight_since if r.epoch in tenures]:
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


def _error_fields(error: BaseException) -> dict[str, str | None]:
    """Why, in what may stand in a log: the message of any other error may hold PHI."""
    if isinstance(error, OncofhirError):
        return {"reason": error.reason.value, "at": error.location, "detail": error.detail}
    if isinstance(error, SettingsError):
        return {"reason": "settings", "detail": str(error)}
    return {"reason": type(error).__name__}


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop`; outside the main thread, where none arrive, nothing is done."""
    loop = asyncio.get_running_loop()
    taken = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
