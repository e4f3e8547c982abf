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
from oncofhir.consumers.dead_letters.streak import dead_letters_lately
from oncofhir.consumers.health.probes import ProbeServer, probe_app
from oncofhir.consumers.health.startup_checks import until_it_answers
from oncofhir.consumers.health.status import Vitals
from oncofhir.consumers.health.topic_startup_check import look_at_topics
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import SourceRecord, Tenure
from oncofhir.consumers.processing.outages import Outages
from oncofhir.consumers.processing.record_processor import Processing, ReportProcessor
from oncofhir.consumers.processing.scheduler import KeyedScheduler
from oncofhir.consumers.source.poll_thread import Source
from oncofhir.consumers.source.priority import Lane
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.schemas.errors import OncofhirError
from oncofhir.settings import Settings, SettingsError
from oncofhir.telemetry import metrics as m

_AT_A_TIME = 16  # records taken up before the event loop gets its turn

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
        self._hurried = asyncio.Event()
        self._cause: BaseException | None = None
        self._arrived: asyncio.Queue[SourceRecord] = asyncio.Queue()
        self.http_port = 0
        loop = asyncio.get_running_loop()
        self._source = Source(
            settings.kafka,
            loop,
            received=self._on_received,
            dropped=self._on_dropped,
            removed=self._on_removed,
            ended=self._on_source_ended,
        )
        self._publisher = Publisher(settings.kafka)
        self._scheduler = KeyedScheduler(settings.kafka.max_in_flight_records, self.halt)
        self._outages = Outages(
            settings.retry, probe=processor.ready, changed=self._on_outage_changed, halt=self.halt
        )
        lanes = tuple(Lane) if settings.kafka.backfill_topics else (Lane.LIVE,)
        self.vitals = Vitals(
            self._source, self._scheduler, self._outages, self._metrics, lanes, model_queue
        )
        self._processing = Processing(
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
        app = probe_app(self.vitals, self.vitals.exposed, self._metrics.content_type)
        async with ProbeServer(app, self._settings.http) as server:
            self.http_port = server.port
            log.info("worker started", version=__version__, http_port=server.port)
            with _signals(self.stop):
                await self._serve()
        if self._cause is not None:
            raise self._cause
        log.info("worker stopped")

    def stop(self) -> None:
        """End in order; a second call ends without waiting for work."""
        if self._stopping.is_set():
            self._hurried.set()
        self._stop()

    def halt(self, error: BaseException) -> None:
        """End because of an error; the first one counts and `run` raises it."""
        if self._cause is None:
            self._cause = error
            log.error("worker halts", **_said(error))
        self._hurried.set()
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        self.vitals.is_stopping = True

    async def _serve(self) -> None:
        side_tasks: list[asyncio.Task[None]] = []
        try:
            if not await self._dependencies_answer():
                return
            self.vitals.is_started = True
            self._source.start()
            side_tasks = [
                asyncio.create_task(self._outages.watch()),
                asyncio.create_task(self._take_up()),
            ]
            for task in side_tasks:
                task.add_done_callback(self._on_side_task_ended)
            await self._stopping.wait()
            await self._end(side_tasks)
        finally:
            await self._publisher.close()

    async def _dependencies_answer(self) -> bool:
        """Wait for each; False when the worker is to end instead."""
        try:
            for name, ask in (
                ("broker", self._publisher.connect),
                ("topics", self._look_at_topics),
                ("outcomes", self._look_back),
                ("model and store", self._processor.ready),
            ):
                if not await until_it_answers(name, ask, self._stopping):
                    return False
        except (OncofhirError, SettingsError) as error:
            self.halt(error)
            return False
        return True

    async def _look_at_topics(self) -> None:
        if self._settings.kafka.check_topics:
            await look_at_topics(self._settings.kafka)

    async def _look_back(self) -> None:
        most = self._settings.retry.max_consecutive_dead_letters
        count = await asyncio.to_thread(dead_letters_lately, self._settings.kafka, most)
        self._processing.resume(count)

    async def _take_up(self) -> None:
        """Queue records for work, in the order in which they came."""
        taken = 0
        while True:
            record = await self._arrived.get()
            if self._source.assignment.holds(record.tenure):
                for job in await self._processing.jobs(record):
                    if self._source.assignment.holds(job.tenure):
                        self._scheduler.submit(job)
            else:  # dropped on Kafka's thread before it arrived here
                self.vitals.unfinished.pop(record, None)
            taken += 1
            if taken % _AT_A_TIME == 0:
                await asyncio.sleep(0)

    async def _end(self, side_tasks: Sequence[asyncio.Task[None]]) -> None:
        log.info(
            "stopping", unfinished=len(self.vitals.unfinished), working=self._scheduler.working
        )
        self._source.hold_back()
        for task in side_tasks:
            task.remove_done_callback(self._on_side_task_ended)
            task.cancel()
        drain = asyncio.create_task(self._scheduler.drain(self._settings.shutdown_timeout_seconds))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({drain, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not drain.done():
            drain.cancel()
            await self._scheduler.close()
        elif not drain.result():
            log.warning("work did not end in time and will be done again")
        await self._source.close()

    def _on_received(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            self.vitals.unfinished[record] = record.polled
            self._metrics.count(m.RECORDS_RECEIVED, record.coordinates.topic)
            self._arrived.put_nowait(record)

    def _on_finished(self, record: SourceRecord) -> None:
        self.vitals.unfinished.pop(record, None)
        self._source.finish(record)

    def _on_dropped(self, tenures: frozenset[Tenure]) -> None:
        self._scheduler.cancel(tenures)
        for record in [r for r in self.vitals.unfinished if r.tenure in tenures]:
            del self.vitals.unfinished[record]

    def _on_removed(self, topic: str, count: int) -> None:
        self._metrics.count(m.RECORDS_REMOVED, topic, by=count)

    def _on_source_ended(self, cause: BaseException | None) -> None:
        if cause is not None:
            self.halt(cause)

    def _on_side_task_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(error)

    def _on_outage_changed(self) -> None:
        if self._outages.open:
            self._source.hold_back()
        elif not self._stopping.is_set():
            self._source.go_on()


def _said(error: BaseException) -> dict[str, str | None]:
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
