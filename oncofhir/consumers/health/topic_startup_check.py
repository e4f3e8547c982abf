"""What the worker demands of its topics before it consumes anything: each is there. The rest it only says."""

import asyncio
import logging

import structlog

from oncofhir.consumers.kafka.topic_checks import MISSING, Severity, TopicFinding, check_topics
from oncofhir.schemas.errors import AccessDenied
from oncofhir.settings import KafkaSettings, SettingsError

_LOOKS = 3
_SECONDS_BETWEEN = 1.0  # a topic that was just made is not known to every broker at once

log = structlog.get_logger(__name__)


async def check_topics_at_startup(settings: KafkaSettings) -> None:
    """Log what is advisable of the topics, each finding once.

    Raises:
        SettingsError: topics are missing, also after a few looks; the message names them and the remedy.
        DependencyUnavailable: the broker cannot be reached.
    """
    for look in range(1, _LOOKS + 1):
        try:
            findings = await asyncio.to_thread(check_topics, settings)
        except (
            AccessDenied
        ) as error:  # who may read and write need not be allowed to ask for settings
            log.warning("topics could not be checked", reason=error.reason.value)
            return
        missing = [finding.topic for finding in findings if finding.problem == MISSING]
        if not missing:
            _log_findings(findings)
            return
        if look < _LOOKS:
            await asyncio.sleep(_SECONDS_BETWEEN)
    raise SettingsError(
        f"topics are missing: {', '.join(missing)}; create them with 'oncofhir topics ensure', correct "
        "their names in ONCOFHIR_KAFKA__…_TOPIC, or allow us to describe them"
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
