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

from oncofhir.consumers.dead_letters.message import DECODE, MARK_OUTDATED, PROCESS, ReportFailure
from oncofhir.consumers.dead_letters.writer import DeadLetterWriter, RecordProgress
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.answer_metrics import record_answers
from oncofhir.consumers.processing.concurrency import Slot
from oncofhir.consumers.processing.failure_log import log_failure
from oncofhir.consumers.processing.failure_policy import (
    Dependency,
    FailureAction,
    Halt,
    PeerOutcomes,
    Retry,
    SendToDeadLetters,
    WaitForDependency,
    decide,
    dependency_of,
)
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.scheduler import Job, Wait
from oncofhir.consumers.publishing.row_messages import outcome_message, phenotype_messages
from oncofhir.consumers.source.priority import Priority
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

    async def check_dependencies(self) -> None:
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

    async def mark_outdated(self, event: ReportEvent, reason: Reason) -> tuple[Processed, ...]:
        """What a report that becomes a dead letter leaves: earlier findings, outdated now.

        Raises:
            OncofhirError: as `process`.
        """


@dataclass(eq=False)
class _ReportTask:
    """One report of a record, and how far it has come."""

    progress: RecordProgress
    event: ReportEvent | None
    entry: int
    key: str
    attempt: int = 0
    first_attempt_at: float = 0.0
    processed: Processed | None = None
    failure: ReportFailure | None = None
    outdate_attempts: int = 0
    is_finished: bool = False


class RecordProcessor:
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
        outages: OutageMonitor,
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
        self._dead_letters = DeadLetterWriter(publisher, kafka, retry, metrics)

    def restore_dead_letter_count(self, dead_letters_in_a_row: int) -> None:
        """Know how the last reports ended before this process began."""
        self._dead_letters.restore_count(dead_letters_in_a_row)

    async def jobs_for(self, record: SourceRecord) -> list[Job]:
        """The jobs of a record, one a report; a record that announces none is finished at once."""
        now = datetime.now(UTC)
        try:
            events = await self._decode(record)
        except UnreadableReport as error:
            log_failure(record, error, DECODE)
            delivery = RecordProgress(record, 0, now)
            delivery.failures.append((ReportFailure(error.reason, DECODE, 1), None))
            return [
                self._job(_ReportTask(delivery, None, 0, str(record.coordinates), is_finished=True))
            ]
        if not events:
            self._complete(record)
            return []
        delivery = RecordProgress(record, len(events), now)
        return [
            self._job(_ReportTask(delivery, event, entry, event.source.unversioned))
            for entry, event in enumerate(events)
        ]

    async def _decode(self, record: SourceRecord) -> tuple[ReportEvent, ...]:
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

    def _job(self, work: _ReportTask) -> Job:
        record = work.progress.record
        return Job(work.key, record.epoch, partial(self._run, work), self._priority(record))

    def _priority(self, record: SourceRecord) -> Priority:
        is_history = record.coordinates.topic in self._kafka.backfill_topics
        return Priority.BACKFILL if is_history else Priority.LIVE

    async def _run(self, work: _ReportTask, place: Slot) -> Wait | None:
        blocked = self._outages.open
        if blocked:
            return partial(self._outages.wait, blocked[0])
        wait = await self._deal_with(work, place)
        if wait is None:
            self._outages.on_report_finished()
        return wait

    async def _deal_with(self, work: _ReportTask, place: Slot) -> Wait | None:
        if not work.is_finished:
            wait = (
                await self._mark_outdated(work)
                if work.failure
                else await self._process_report(work, place)
            )
            if wait is not None:
                return wait
        if work.progress.open_reports:
            return None  # the record's last report concludes it
        return await self._finish_record(work)

    async def _process_report(self, work: _ReportTask, place: Slot) -> Wait | None:
        event = work.event
        if event is None:
            raise AssertionError("only a record that was decoded is tried")
        work.attempt += 1
        work.first_attempt_at = work.first_attempt_at or time.monotonic()
        try:
            if work.processed is None:
                with self._timed("process"):
                    work.processed = await self._processor.process(event)
            place.release()
            for processed in (*work.processed.also, work.processed):
                await self._publish_rows(processed, work.progress.record)
        except Exception as error:  # noqa: BLE001 - the one place where every failure finds its fate
            wait = self._handle_failure(work, error)
            return await self._mark_outdated(work) if work.failure else wait
        self._record_success(work.processed)
        self._finish_report(work)
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

    def _record_success(self, processed: Processed) -> None:
        outcome = processed.outcome
        self._metrics.count(m.REPORTS, outcome.status.value, outcome.reason or "")
        for warning in outcome.warnings:
            self._metrics.count(m.REPORT_WARNINGS, warning.value)
        for stage, seconds in processed.seconds.items():
            self._metrics.observe(m.STAGE_SECONDS, seconds, stage)
        self._dead_letters.record_success()
        self._outages.record_success(Dependency.BROKER)
        if processed.asked_model:
            record_answers(self._metrics, processed)
            self._outages.record_success(Dependency.MODEL)
        if processed.asked_model or processed.wrote_store:
            self._outages.record_success(Dependency.STORE)

    def _handle_failure(self, work: _ReportTask, error: Exception) -> Wait | None:
        verdict = self._decide(work, error, work.attempt)
        reason = error.reason if isinstance(error, OncofhirError) else Reason.UNEXPECTED
        match verdict:
            case Retry(delay, counts):
                self._metrics.count(m.RETRIES, reason.value)
                log_failure(work.progress.record, error, PROCESS, retry_seconds=round(delay, 2))
                work.attempt -= not counts
                return partial(asyncio.sleep, delay)
            case WaitForDependency(waited_for):
                work.attempt -= 1
                return partial(self._outages.wait, waited_for)
            case Halt(cause):
                self._halt(cause)
                return _until_cancelled
            case SendToDeadLetters(cause_of_death):
                log_failure(work.progress.record, error, PROCESS)
                work.failure = ReportFailure(cause_of_death, PROCESS, work.attempt, work.entry)
                return None

    def _decide(self, work: _ReportTask, error: Exception, attempt: int) -> FailureAction:
        """What becomes of the report, once the breakers know of the failure."""
        dependency = dependency_of(error)
        about = Dependency.STORE if isinstance(error, StoreConflict) else dependency
        if dependency is not None and not _only_overloaded(error):
            self._outages.record_failure(dependency, work.key)
        others = (
            self._outages.peer_outcomes(about, work.first_attempt_at)
            if about is not None
            else PeerOutcomes()
        )
        age = time.monotonic() - work.first_attempt_at
        jitter = random.random()  # noqa: S311 - spreads retries
        return decide(error, attempt, age, others, self._retry, jitter)

    async def _mark_outdated(self, work: _ReportTask) -> Wait | None:
        """Tell what the report leaves; that it cannot be told keeps no record from the dead letters."""
        if work.event is None or work.failure is None:
            raise AssertionError("only a report that failed is given up")
        record = work.progress.record
        try:
            for left in await self._processor.mark_outdated(work.event, work.failure.reason):
                await self._publish_rows(left, record)
        except Exception as error:  # noqa: BLE001 - as in `_try`
            log_failure(record, error, MARK_OUTDATED)
            work.outdate_attempts += 1
            verdict = self._decide(work, error, work.outdate_attempts)
            if isinstance(verdict, Retry):
                return partial(asyncio.sleep, verdict.delay)
            if isinstance(verdict, WaitForDependency):
                work.outdate_attempts -= 1
                return partial(self._outages.wait, verdict.dependency)
            if isinstance(verdict, Halt):
                self._halt(verdict.error)
                return _until_cancelled
        work.progress.failures.append((work.failure, work.event))
        self._finish_report(work)
        return None

    async def _finish_record(self, work: _ReportTask) -> Wait | None:
        """All reports of the record have their end: dead-letter it if one failed, then it is done."""
        delivery = work.progress
        if delivery.failures:
            if self._dead_letters.count_and_check_cap(delivery):
                self._halt(TooManyDeadLetters(Reason.TOO_MANY_DEAD_LETTERS))
                return _until_cancelled
            try:
                await self._dead_letters.write(delivery)
            except DependencyUnavailable as error:
                self._outages.record_failure(Dependency.BROKER, work.key)
                log_failure(delivery.record, error, "dead-letter")
                return partial(asyncio.sleep, self._retry.max_delay_seconds / 2)
            except OncofhirError as error:  # too large even for the dead letters, or refused
                self._halt(error)
                return _until_cancelled
            self._outages.record_success(Dependency.BROKER)
        self._complete(delivery.record)
        return None

    def _finish_report(self, work: _ReportTask) -> None:
        work.is_finished = True
        work.progress.open_reports -= 1

    def _complete(self, record: SourceRecord) -> None:
        self._metrics.observe(m.REPORT_SECONDS, time.monotonic() - record.polled)
        since_its_time = max(0.0, time.time() - record.timestamp / 1000)
        self._metrics.observe(m.END_TO_END_SECONDS, since_its_time, self._priority(record).value)
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


async def _until_cancelled() -> None:
    await asyncio.get_running_loop().create_future()
