"""Logs a failed report by its coordinates and reason code, and turns the decision into what to wait for."""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

import structlog

from oncofhir.consumers.dead_letters.message import PROCESS, ReportFailure
from oncofhir.consumers.kafka.records import Coordinates, SourceRecord
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
    root_cause,
)
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.consumers.processing.report_task import ReportTask
from oncofhir.consumers.processing.scheduler import Wait
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    StoreConflict,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import RetrySettings, SettingsError
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.logging import described
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)

HaltWorker = Callable[[OncofhirError | SettingsError, Coordinates], None]


class FailureHandler:
    """Applies `failure_policy` to a report. Belongs to one event loop.

    `settings_problem` is the message of the last error of settings, such as a secret file that cannot be
    read; None once a report has succeeded. It names files and settings, never a secret.
    """

    def __init__(
        self, retry: RetrySettings, metrics: Metrics, outages: OutageMonitor, halt: HaltWorker
    ) -> None:
        self.settings_problem: str | None = None
        self._retry = retry
        self._metrics = metrics
        self._outages = outages
        self._halt = halt

    def handle(self, task: ReportTask, error: Exception) -> Wait | None:
        """Return what to wait for before the next attempt, or None: then `task.failure` says why it ended."""
        error = root_cause(error)
        record = task.progress.record
        action = self.decide(task, error, task.attempt)
        reason = error.reason if isinstance(error, OncofhirError) else Reason.UNEXPECTED
        match action:
            case Retry(delay, counts):
                self._metrics.count(m.RETRIES, reason.value)
                task.span.event("retry", {"error.type": reason.value, "delay": round(delay, 3)})
                log_failure("report failed; retrying", record, error, PROCESS, retry_seconds=delay)
                task.attempt -= not counts
                return partial(asyncio.sleep, delay)
            case WaitForDependency(dependency):
                task.attempt -= 1
                task.span.event(
                    "wait", {"error.type": reason.value, "dependency": dependency.value}
                )
                return partial(self._outages.wait, dependency)
            case Halt(cause):
                self._halt(cause, record.coordinates)
                return until_cancelled
            case SendToDeadLetters(cause):
                log_failure("record sent to dead-letter topic", record, error, PROCESS, cause)
                task.span.fail((cause or reason).value)
                task.failure = failure_of(error, PROCESS, task.attempt, task.entry, cause)
                return None

    def decide(self, task: ReportTask, error: Exception, attempt: int) -> FailureAction:
        """Decide what to do with a report, once the circuit breakers know about the failure."""
        error = root_cause(error)
        if isinstance(error, SettingsError):
            self.settings_problem = str(error)
        now = time.monotonic()
        dependency = dependency_of(error)
        is_about_dependency = not isinstance(error, AccessDenied | StoreConflict)
        if dependency is not None and is_about_dependency and not _is_overload(error):
            self._outages.record_failure(dependency, task.key)
        task.first_failure_at = task.first_failure_at or now
        peers = PeerOutcomes()
        if dependency is not None:
            peers = self._outages.peer_outcomes(
                dependency, task.first_attempt_at, task.first_failure_at
            )
        age = now - task.first_attempt_at
        jitter = random.random()  # noqa: S311 - spreads retries
        return decide(error, attempt, age, peers, self._retry, jitter)

    def record_success(self, begun_at: float, *, asked_model: bool, used_store: bool) -> None:
        """Record that a report that was begun at a time (monotonic seconds) has succeeded."""
        self.settings_problem = None
        self._outages.record_success(Dependency.BROKER, begun_at)
        if asked_model:
            self._outages.record_success(Dependency.MODEL, begun_at)
        if used_store:
            self._outages.record_success(Dependency.STORE, begun_at)
            self._outages.record_success(Dependency.UNKNOWN, begun_at)


def failure_of(
    error: Exception, stage: str, attempts: int, entry: int | None, reason: Reason | None = None
) -> ReportFailure:
    """Describe a failure in codes. The message of an unknown error may quote the report and is left out."""
    if isinstance(error, OncofhirError):
        reason = reason or error.reason
        return ReportFailure(reason, stage, attempts, entry, error.location, error.detail)
    names = described(error)
    return ReportFailure(
        reason or Reason.UNEXPECTED, stage, attempts, entry, names.get("in"), names["error"]
    )


def log_failure(
    event: str,
    record: SourceRecord,
    error: Exception,
    stage: str,
    reason: Reason | None = None,
    **numbers: float,
) -> None:
    """Log a failure. Of an unknown error only type and place, because its message may quote the report."""
    at = record.coordinates
    where = {"topic": at.topic, "partition": at.partition, "offset": at.offset, "stage": stage}
    more = {name: round(value, 2) for name, value in numbers.items()}
    if isinstance(error, OncofhirError):
        code = (reason or error.reason).value
        log.warning(event, reason=code, at=error.location, detail=error.detail, **where, **more)
    elif isinstance(error, SettingsError):
        log.error(event, reason="settings", detail=str(error), **where, **more)
    else:
        log.error(event, reason=Reason.UNEXPECTED.value, **described(error), **where, **more)


async def until_cancelled() -> None:
    """Wait until the task is cancelled: the worker stops."""
    await asyncio.get_running_loop().create_future()


def _is_overload(error: Exception) -> bool:
    return isinstance(error, DependencyUnavailable) and error.reason is Reason.MODEL_OVERLOADED
