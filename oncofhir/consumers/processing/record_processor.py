"""One record from decode to completion: its reports are processed, their rows published, its offset finished.

A record's offset is finished only when each of its reports has its rows acknowledged, or the record has its
dead letter acknowledged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

import structlog

from oncofhir.consumers.dead_letters.message import DECODE, MARK_OUTDATED
from oncofhir.consumers.dead_letters.writer import DeadLetterWriter, RecordProgress
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.processing.answer_metrics import record_answers
from oncofhir.consumers.processing.concurrency import Slot
from oncofhir.consumers.processing.equal_reports import predecessors
from oncofhir.consumers.processing.failure_handler import (
    FailureHandler,
    HaltWorker,
    failure_of,
    log_failure,
    until_cancelled,
)
from oncofhir.consumers.processing.failure_policy import (
    Dependency,
    Halt,
    Retry,
    WaitForDependency,
    dependency_of,
)
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.record_decoder import decode_record
from oncofhir.consumers.processing.report_task import ReportProcessor, ReportTask
from oncofhir.consumers.processing.scheduler import Job, Wait
from oncofhir.consumers.publishing.row_publisher import RowPublisher
from oncofhir.consumers.source.priority import Priority
from oncofhir.consumers.tracing.messaging import start_report_span
from oncofhir.consumers.tracing.stages import Stages
from oncofhir.schemas.errors import (
    DependencyUnavailable,
    OncofhirError,
    TooManyDeadLetters,
    UnreadableReport,
)
from oncofhir.schemas.outcome import OutcomeStatus, Processed
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import NO_TRACING, Span, Tracer
from oncofhir.settings import Hl7v2Settings, KafkaSettings, RetrySettings
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics

_MAX_OUTDATE_ATTEMPTS = 3  # of marking earlier findings, where an error is a bug

log = structlog.get_logger(__name__)


class RecordProcessor:
    """Turns records into jobs and runs them.

    `outcomes` counts the reports that ended, by the status of their outcome.

    Args:
        processor: processes a report.
        publisher, kafka: publishes rows and dead letters to these topics.
        retry: attempts, delays and the limit on dead letters.
        metrics, outages: counters and histograms; the circuit breakers.
        hl7v2: how HL7 v2 messages are read.
        finish, halt: called with a finished record; with an error that stops the worker and its record.
        tracer: begins a trace per report.
    """

    def __init__(
        self,
        processor: ReportProcessor,
        publisher: Publisher,
        kafka: KafkaSettings,
        retry: RetrySettings,
        metrics: Metrics,
        outages: OutageMonitor,
        *,
        hl7v2: Hl7v2Settings,
        finish: Callable[[SourceRecord], None],
        halt: HaltWorker,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._processor = processor
        self._kafka = kafka
        self._retry = retry
        self._metrics = metrics
        self._outages = outages
        self._hl7v2 = hl7v2
        self._finish = finish
        self._halt = halt
        self._tracer = tracer
        self._stages = Stages(metrics, tracer)
        self._rows = RowPublisher(publisher, kafka, metrics, tracer)
        self._failures = FailureHandler(retry, metrics, outages, halt)
        self._dead_letters = DeadLetterWriter(publisher, kafka, retry, metrics, tracer)
        self._set_aside: frozenset[str] = frozenset()

    @property
    def settings_problem(self) -> str | None:
        """What is wrong with a setting or secret file that reports need now."""
        return self._failures.settings_problem

    def restore(self, consecutive_dead_letters: int, set_aside: Collection[str]) -> None:
        """Restore what is known from before the restart.

        `set_aside` are coordinates of records that an operator has moved to the dead letters.
        """
        self._dead_letters.restore_count(consecutive_dead_letters)
        self._set_aside = frozenset(set_aside)

    async def jobs_for(self, record: SourceRecord) -> list[Job]:
        """Return the jobs of a record, one per report. A record that announces none is finished at once."""
        if str(record.coordinates) in self._set_aside:
            log.info("record was set aside by an operator", record=str(record.coordinates))
            self._complete(record)
            return []
        now, began = datetime.now(UTC), time.monotonic()
        try:
            with self._stages.observed("decode"):
                events = await decode_record(record, self._hl7v2)
        except UnreadableReport as error:
            span = self._start_span(record, began)
            span.fail(error.reason.value)
            with self._tracer.use(span):
                log_failure("record sent to dead-letter topic", record, error, DECODE)
            progress = RecordProgress(record, 0, now)
            progress.failures.append((failure_of(error, DECODE, 1, None), None))
            key = str(record.coordinates)
            task = ReportTask(progress, None, 0, key, span)
            task.finished.set()
            return [self._job(task)]
        if not events:
            self._complete(record)
            return []
        progress = RecordProgress(record, len(events), now)
        tasks = [
            ReportTask(
                progress, event, entry, event.source.unversioned, self._start_span(record, began)
            )
            for entry, event in enumerate(events)
        ]
        for entry, before in predecessors(events).items():
            tasks[entry].after = tasks[before]
        return [self._job(task) for task in tasks]

    def _start_span(self, record: SourceRecord, decode_began: float) -> Span:
        return start_report_span(self._tracer, record, self._kafka.group_id, decode_began)

    def _job(self, task: ReportTask) -> Job:
        record = task.progress.record
        return Job(task.key, record.epoch, partial(self._run, task), self._priority(record))

    def _priority(self, record: SourceRecord) -> Priority:
        is_backfill = record.coordinates.topic in self._kafka.backfill_topics
        return Priority.BACKFILL if is_backfill else Priority.LIVE

    async def _run(self, task: ReportTask, slot: Slot) -> Wait | None:
        with self._tracer.use(task.span):
            return await self._advance(task, slot)

    async def _advance(self, task: ReportTask, slot: Slot) -> Wait | None:
        # 1. Wait for an unavailable dependency, or for an equal report that is processed first.
        unavailable = self._outages.open
        if unavailable:
            return partial(self._outages.wait, unavailable[0])
        if task.after is not None and not task.after.finished.is_set():
            return partial(_wait_for, task.after)
        # 2. Process the report, or continue with marking its earlier findings as outdated.
        wait: Wait | None = None
        if not task.finished.is_set():
            step = self._mark_outdated(task) if task.failure else self._process_report(task, slot)
            wait = await step
        # 3. The last report of a record finishes the record.
        if wait is None and not task.progress.open_reports:
            wait = await self._finish_record(task)
        if wait is None:
            self._outages.on_report_finished()
            task.span.finish()
        return wait

    async def _process_report(self, task: ReportTask, slot: Slot) -> Wait | None:
        event = task.event
        if event is None:
            raise AssertionError("only a decoded record is processed")
        task.attempt += 1
        task.attempt_at = time.monotonic()
        task.first_attempt_at = task.first_attempt_at or task.attempt_at
        try:
            if task.processed is None:
                with self._stages.timed("process"):
                    task.processed = await self._processor.process(event)
            slot.release()
            for processed in (*task.processed.also, task.processed):
                await self._rows.publish(processed, task.progress.record)
        except Exception as error:  # noqa: BLE001 - the one place where every failure is decided
            wait = self._failures.handle(task, error)
            return await self._mark_outdated(task) if task.failure else wait
        self._record_success(task, task.processed)
        self._finish_report(task)
        return None

    def _record_success(self, task: ReportTask, processed: Processed) -> None:
        outcome = processed.outcome
        self._metrics.count(m.REPORTS, outcome.status.value, outcome.reason or "")
        for warning in outcome.warnings:
            self._metrics.count(m.REPORT_WARNINGS, warning.value)
        for stage, seconds in processed.seconds.items():
            self._metrics.observe(m.STAGE_SECONDS, seconds, stage)
        self._dead_letters.record_success()
        if processed.asked_model:
            record_answers(self._metrics, processed)
        self._failures.record_success(
            task.attempt_at,
            asked_model=processed.asked_model,
            used_store=processed.asked_model or processed.wrote_store,
        )
        self._log_end(task, outcome.status.value, outcome.reason)

    async def _mark_outdated(self, task: ReportTask) -> Wait | None:
        """Mark earlier findings as outdated; where that is impossible, the record is dead-lettered anyway."""
        if task.event is None or task.failure is None:
            raise AssertionError("only a report that failed leaves findings to mark")
        record = task.progress.record
        try:
            for left in await self._processor.mark_outdated(task.event, task.failure.reason):
                await self._rows.publish(left, record)
        except Exception as error:  # noqa: BLE001 - as in `_process_report`
            log_failure("marking findings as outdated failed", record, error, MARK_OUTDATED)
            task.outdate_attempts += 1
            is_bug = dependency_of(error) is Dependency.UNKNOWN
            match self._failures.decide(task, error, task.outdate_attempts):
                case _ if is_bug and task.outdate_attempts >= _MAX_OUTDATE_ATTEMPTS:
                    pass  # the dead letter is written nevertheless
                case Retry(delay):
                    return partial(asyncio.sleep, delay)
                case WaitForDependency(dependency):
                    task.outdate_attempts -= 1
                    return partial(self._outages.wait, dependency)
                case Halt(cause):
                    self._halt(cause, record.coordinates)
                    return until_cancelled
        task.progress.failures.append((task.failure, task.event))
        self._finish_report(task)
        return None

    async def _finish_record(self, task: ReportTask) -> Wait | None:
        """Dead-letter the record if one of its reports failed. Then it is finished."""
        progress = task.progress
        record = progress.record
        if progress.failures:
            if self._dead_letters.count_and_check_cap(progress):
                self._halt(TooManyDeadLetters(Reason.TOO_MANY_DEAD_LETTERS), record.coordinates)
                return until_cancelled
            try:
                await self._dead_letters.write(progress)
            except DependencyUnavailable as error:
                self._outages.record_failure(Dependency.BROKER, task.key)
                log_failure(
                    "dead letter was not acknowledged; retrying", record, error, "dead-letter"
                )
                return partial(asyncio.sleep, self._retry.max_delay_seconds / 2)
            except OncofhirError as error:  # even a reference is refused
                self._halt(error, record.coordinates)
                return until_cancelled
            self._outages.record_success(Dependency.BROKER)
            for failure, _ in progress.failures:
                self._log_end(task, OutcomeStatus.DEAD_LETTERED.value, failure.reason.value)
        self._complete(record)
        return None

    def _finish_report(self, task: ReportTask) -> None:
        task.finished.set()
        task.progress.open_reports -= 1

    def _log_end(self, task: ReportTask, status: str, reason: str | None) -> None:
        self.outcomes[status] += 1
        task.span.set({"oncofhir.status": status, "oncofhir.reason": reason or ""})
        at = task.progress.record.coordinates
        seconds = round(time.monotonic() - task.progress.record.polled, 3)
        log.debug("report finished", record=str(at), status=status, reason=reason, seconds=seconds)

    def _complete(self, record: SourceRecord) -> None:
        self._metrics.observe(m.REPORT_SECONDS, time.monotonic() - record.polled)
        since_timestamp = max(0.0, time.time() - record.timestamp / 1000)
        self._metrics.observe(m.END_TO_END_SECONDS, since_timestamp, self._priority(record).value)
        self._finish(record)


async def _wait_for(task: ReportTask) -> None:
    await task.finished.wait()
