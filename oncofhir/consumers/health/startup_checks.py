"""Checks before the worker consumes anything: its topics exist, and its dependencies are available.

A dependency may come up later than the worker, so it is waited for.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from oncofhir.consumers.kafka.topic_checks import MISSING, Severity, TopicFinding, check_topics
from oncofhir.consumers.processing.failure_policy import Dependency, dependency_of
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.settings import KafkaSettings, SettingsError

_BACKOFF = Backoff(first=0.5, longest=5.0)
_TOPIC_CHECKS = 3
_SECONDS_BETWEEN_CHECKS = 1.0  # not every broker knows a new topic at once

log = structlog.get_logger(__name__)


async def wait_until_available(
    name: str,
    request: Callable[[], Coroutine[Any, Any, None]],
    stopping: asyncio.Event,
    on_waiting: Callable[[str], None],
) -> bool:
    """Retry with exponential backoff until a dependency answers. Return False if the worker is stopped first.

    `on_waiting` is called with what is waited for: `name` at first, then the dependency that did not answer;
    with nothing when it has.

    Raises:
        OncofhirError, SettingsError: waiting does not help.
    """
    attempt = 0
    on_waiting(name)
    while not stopping.is_set():
        attempt += 1
        try:
            answered = await _unless_stopped(request(), stopping)
        except DependencyUnavailable as error:
            delay = _BACKOFF.delay(attempt)
            found = dependency_of(error)
            dependency = name if found in (None, Dependency.UNKNOWN) else found.value
            on_waiting(dependency)
            log.warning(
                "waiting for dependency",
                dependency=dependency,
                reason=error.reason.value,
                address=error.location,
                detail=error.detail,
                attempt=attempt,
                retry_seconds=delay,
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), delay)
        else:
            on_waiting("")
            return answered
    return False


async def _unless_stopped(answer: Coroutine[Any, Any, None], stopping: asyncio.Event) -> bool:
    """Await an answer, which may take long. Cancel it and return False when the worker is stopped."""
    request = asyncio.create_task(answer)
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({request, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if request.done():
            request.result()
        return request.done()
    finally:
        for task in (request, stopped):
            task.cancel()
        await asyncio.wait({request, stopped})


async def check_topics_at_startup(settings: KafkaSettings) -> None:
    """Check that the topics exist, and log each problem of their settings once.

    Raises:
        SettingsError: topics are missing, also after a few checks; the message names them and the remedy.
        DependencyUnavailable: the broker cannot be reached.
    """
    for attempt in range(1, _TOPIC_CHECKS + 1):
        try:
            findings = await asyncio.to_thread(check_topics, settings)
        except AccessDenied as error:  # rights to read and write do not imply the right to describe
            log.warning("topics cannot be checked", reason=error.reason.value, detail=error.detail)
            return
        missing = [finding.topic for finding in findings if finding.problem == MISSING]
        if not missing:
            _log_findings(findings)
            return
        if attempt < _TOPIC_CHECKS:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
    raise SettingsError(
        f"topics are missing: {', '.join(missing)}; create them with 'oncofhir topics ensure', correct "
        "their names in ONCOFHIR_KAFKA__…_TOPIC, or allow the worker's principal to describe them"
    )


_EVENTS = {
    Severity.UNKNOWN: "broker does not describe topic settings; skipping these checks",
    Severity.WARNING: "topics may lose records when a broker fails",
}


def _log_findings(findings: tuple[TopicFinding, ...]) -> None:
    """Log each problem once, with all its topics."""
    by_problem: dict[tuple[str, Severity, str, str], list[TopicFinding]] = {}
    for finding in findings:
        key = (finding.problem, finding.severity, finding.found, finding.wanted)
        by_problem.setdefault(key, []).append(finding)
    for (problem, severity, found, wanted), same in by_problem.items():
        level = logging.INFO if severity in _EVENTS else logging.WARNING
        log.log(
            level,
            _EVENTS.get(severity, "topic settings are wrong"),
            topics=[finding.topic for finding in same],
            problem=problem,
            severity=severity.value,
            found=found,
            wanted=wanted,
            remedy=same[0].remedy,
        )
