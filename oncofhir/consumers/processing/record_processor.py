"""One record from decode to done: its reports are processed, their rows published, then its offset counts.

A record's offset is finished only when each of its reports has its rows acknowledged or the record
lies, acknowledged, in the dead-letter topic (design, promise 1).
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from oncofhir.consumers.dead_letters.message import DECODE, GIVE_UP, PROCESS, Failure
from oncofhir.consumers.dead_letters.writer import Burial, Delivery
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.answer_metrics import count_answers
from oncofhir.consumers.processing.concurrency import Place
from oncofhir.consumers.processing.failure_log import log_failure
from oncofhir.consumers.processing.failure_policy import (
    DeadLetter,
    Dependency,
    Halt,
    Others,
    Retry,
    Verdict,
    WaitForDependency,
    decide,
    dependency_of,
)
from oncofhir.consumers.processing.outages import Outages
from oncofhir.consumers.processing.scheduler import Job, Wait
from oncofhir.consumers.publishing.row_messages import outcome_message, phenotype_messages
from oncofhir.consumers.source.priority import Lane
from oncofhir.schemas.errors import (
    DependencyUnavailable,
    OncofhirError,
    StoreConflict,
    TooManyDeadLetters,
    UnreadableReport,
)
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.outcome import Processed
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, RetrySettings, SettingsError
from oncofhir.telemetry import metrics as m

_DECODE_ASIDE_BYTES = 256 * 1024  # larger records are decoded off the event loop


class ReportProcessor(Protocol):
    """What the worker runs for each report."""

    async def ready(self) -> None:
        """Prove that model and store answer.

        Raises:
            DependencyUnavailable: one does not; the location is its address.
            AccessDenied: one refuses us.
        """

    async def process(self, event: ReportEvent) -> Processed:
        """Deal with one report to its end; the same event again is as once.

        Raises:
            OncofhirError: see the module of fates for what becomes of each.
        """

    async def give_up(self, event: ReportEvent, reason: Reason) -> tuple[Processed, ...]:
        """What a report that becomes a dead letter leaves: earlier findings, outdated now.

        Raises:
            OncofhirError: as `process`.
        """


@dataclass(eq=False)
class _Work:
    """One report of a record, and how far it has come."""

    delivery: Delivery
    event: ReportEvent | None
    entry: int
    key: str
    attempt: int = 0
    first: float = 0.0
    processed: Processed | None = None
    failure: Failure | None = None
    tries_to_give_up: int = 0
    is_settled: bool = False


class Processing:
    """Makes jobs of records and runs them.

    Args:
        processor: deals with a report.
        publisher: publishes rows and dead letters.
        kafka: the topics.
        retry: attempts, delays and the cap on dead letters.
        metrics: counts.
        outages: the breakers.
        finish: told when a record is done.
        halt: told of an error that stops the worker.
    """

    def __init__(
        self,
        processor: ReportProcessor,
        publisher: Publisher,
        kafka: KafkaSettings,
        retry: RetrySettings,
        metrics: m.Metrics,
        outages: Outages,
        *,
        finish: Callable[[SourceRecord], None],
        halt: Callable[[OncofhirError | SettingsError], None],
    ) -> None:
        self._processor = processor
        self._publisher = publisher
        self._kafka = kafka
        self._retry = retry
        self._metrics = metrics
        self._outages = outages
        self._finish = finish
        self._halt = halt
        self._burial = Burial(publisher, kafka, retry, metrics)

    def resume(self, max_consecutive_dead_letters: int) -> None:
        """Know how the last reports ended before this process began."""
        self._burial.resume(max_consecutive_dead_letters)

    async def jobs(self, record: SourceRecord) -> list[Job]:
        """The jobs of a record, one a report; a record that announces none is finished at once."""
        now = datetime.now(UTC)
        try:
            events = await self._decoded(record)
        except UnreadableReport as error:
            log_failure(record, error, DECODE)
            delivery = Delivery(record, 0, now)
            delivery.failures.append((Failure(error.reason, DECODE, 1), None))
            return [self._job(_Work(delivery, None, 0, str(record.coordinates), is_settled=True))]
        if not events:
            self._done(record)
            return []
        delivery = Delivery(record, len(events), now)
        return [
            self._job(_Work(delivery, event, entry, event.source.unversioned))
            for entry, event in enumerate(events)
        ]

    async def _decoded(self, record: SourceRecord) -> tuple[ReportEvent, ...]:
        headers = [(name, value) for name, value in record.headers if value is not None]
        read = partial(decode, record.value, headers, record.coordinates.topic)
        with self._timed("decode"):
            try:
                return (
                    await asyncio.to_thread(read) if record.size > _DECODE_ASIDE_BYTES else read()
                )
            except UnreadableReport:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours: the stream goes on
                log_failure(record, error, PROCESS)
                raise UnreadableReport(Reason.UNEXPECTED) from None

    def _job(self, work: _Work) -> Job:
        record = work.delivery.record
        return Job(work.key, record.tenure, partial(self._run, work), self._lane(record))

    def _lane(self, record: SourceRecord) -> Lane:
        is_history = record.coordinates.topic in self._kafka.backfill_topics
        return Lane.HISTORY if is_history else Lane.LIVE

    async def _run(self, work: _Work, place: Place) -> Wait | None:
        blocked = self._outages.open
        if blocked:
            return partial(self._outages.wait, blocked[0])
        wait = await self._deal_with(work, place)
        if wait is None:
            self._outages.ended()
        return wait

    async def _deal_with(self, work: _Work, place: Place) -> Wait | None:
        if not work.is_settled:
            wait = await self._give_up(work) if work.failure else await self._try(work, place)
            if wait is not None:
                return wait
        if work.delivery.unsettled:
            return None  # the record's last report concludes it
        return await self._conclude(work)

    async def _try(self, work: _Work, place: Place) -> Wait | None:
        event = work.event
        if event is None:
            raise AssertionError("only a record that was decoded is tried")
        work.attempt += 1
        work.first = work.first or time.monotonic()
        try:
            if work.processed is None:
                with self._timed("process"):
                    work.processed = await self._processor.process(event)
            place.give_back()
            for processed in (*work.processed.also, work.processed):
                await self._publish_rows(processed, work.delivery.record)
        except Exception as error:  # noqa: BLE001 - the one place where every failure finds its fate
            wait = self._failed(work, error)
            return await self._give_up(work) if work.failure else wait
        self._succeeded(work.processed)
        self._settle(work)
        return None

    async def _publish_rows(self, processed: Processed, record: SourceRecord) -> None:
        """The findings first: who reads the outcome may rely on them."""
        with self._timed("publish"):
            rows = phenotype_messages(processed, record, self._kafka)
            await self._publisher.publish(rows)
            await self._publisher.publish([outcome_message(processed.outcome, record, self._kafka)])
        if rows:
            self._metrics.count(m.ROWS, self._kafka.phenotype_topic, by=len(rows))
        self._metrics.count(m.ROWS, self._kafka.outcome_topic)

    def _succeeded(self, processed: Processed) -> None:
        outcome = processed.outcome
        self._metrics.count(m.REPORTS, outcome.status.value, outcome.reason or "")
        for warning in outcome.warnings:
            self._metrics.count(m.REPORT_WARNINGS, warning.value)
        for stage, seconds in processed.seconds.items():
            self._metrics.observe(m.STAGE_SECONDS, seconds, stage)
        self._burial.count_success()
        self._outages.succeeded(Dependency.BROKER)
        if processed.asked_model:
            count_answers(self._metrics, processed)
            self._outages.succeeded(Dependency.MODEL)
        if processed.asked_model or processed.wrote_store:
            self._outages.succeeded(Dependency.STORE)

    def _failed(self, work: _Work, error: Exception) -> Wait | None:
        verdict = self._verdict(work, error, work.attempt)
        reason = error.reason if isinstance(error, OncofhirError) else Reason.UNEXPECTED
        match verdict:
            case Retry(delay, counts):
                self._metrics.count(m.RETRIES, reason.value)
                log_failure(work.delivery.record, error, PROCESS, retry_seconds=round(delay, 2))
                work.attempt -= not counts
                return partial(asyncio.sleep, delay)
            case WaitForDependency(waited_for):
                work.attempt -= 1
                return partial(self._outages.wait, waited_for)
            case Halt(cause):
                self._halt(cause)
                return _forever
            case DeadLetter(cause_of_death):
                log_failure(work.delivery.record, error, PROCESS)
                work.failure = Failure(cause_of_death, PROCESS, work.attempt, work.entry)
                return None

    def _verdict(self, work: _Work, error: Exception, attempt: int) -> Verdict:
        """What becomes of the report, once the breakers know of the failure."""
        dependency = dependency_of(error)
        about = Dependency.STORE if isinstance(error, StoreConflict) else dependency
        if dependency is not None and not _only_overloaded(error):
            self._outages.failed(dependency, work.key)
        others = self._outages.others(about, work.first) if about is not None else Others()
        age = time.monotonic() - work.first
        jitter = random.random()  # noqa: S311 - spreads retries
        return decide(error, attempt, age, others, self._retry, jitter)

    async def _give_up(self, work: _Work) -> Wait | None:
        """Tell what the report leaves; that it cannot be told keeps no record from the dead letters."""
        if work.event is None or work.failure is None:
            raise AssertionError("only a report that failed is given up")
        record = work.delivery.record
        try:
            for left in await self._processor.give_up(work.event, work.failure.reason):
                await self._publish_rows(left, record)
        except Exception as error:  # noqa: BLE001 - as in `_try`
            log_failure(record, error, GIVE_UP)
            work.tries_to_give_up += 1
            verdict = self._verdict(work, error, work.tries_to_give_up)
            if isinstance(verdict, Retry):
                return partial(asyncio.sleep, verdict.delay)
            if isinstance(verdict, WaitForDependency):
                work.tries_to_give_up -= 1
                return partial(self._outages.wait, verdict.dependency)
            if isinstance(verdict, Halt):
                self._halt(verdict.error)
                return _forever
        work.delivery.failures.append((work.failure, work.event))
        self._settle(work)
        return None

    async def _conclude(self, work: _Work) -> Wait | None:
        """All reports of the record have their end: dead-letter it if one failed, then it is done."""
        delivery = work.delivery
        if delivery.failures:
            if self._burial.is_capped(delivery):
                self._halt(TooManyDeadLetters(Reason.TOO_MANY_DEAD_LETTERS))
                return _forever
            try:
                await self._burial.bury(delivery)
            except DependencyUnavailable as error:
                self._outages.failed(Dependency.BROKER, work.key)
                log_failure(delivery.record, error, "dead-letter")
                return partial(asyncio.sleep, self._retry.max_delay_seconds / 2)
            except OncofhirError as error:  # too large even for the dead letters, or refused
                self._halt(error)
                return _forever
            self._outages.succeeded(Dependency.BROKER)
        self._done(delivery.record)
        return None

    def _settle(self, work: _Work) -> None:
        work.is_settled = True
        work.delivery.unsettled -= 1

    def _done(self, record: SourceRecord) -> None:
        self._metrics.observe(m.REPORT_SECONDS, time.monotonic() - record.polled)
        since_its_time = max(0.0, time.time() - record.timestamp / 1000)
        self._metrics.observe(m.END_TO_END_SECONDS, since_its_time, self._lane(record).value)
        self._finish(record)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._metrics.observe(m.STAGE_SECONDS, time.monotonic() - started, stage)


def _only_overloaded(error: Exception) -> bool:
    return isinstance(error, DependencyUnavailable) and error.reason is Reason.MODEL_OVERLOADED


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()
