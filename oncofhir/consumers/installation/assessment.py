"""The state of an installation in about ten facts, and what to do about each problem. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from oncofhir.consumers.installation.topic_view import LAST_OUTCOMES, TopicView
from oncofhir.consumers.installation.worker_view import WorkerView
from oncofhir.schemas.base import Value
from oncofhir.schemas.outcome import OutcomeStatus

_PAGES = "docs/how-to"
OLD_SECONDS = 3600.0
_MANY_LETTERS = 0.1
_FEW_OUTCOMES = 10
_DAYS = 86_400
_CERTIFICATE_DAYS = 14
_TOKEN_SECONDS = 300


class Problem(Value):
    """What is wrong, and what to do about it; `page` is the how-to."""

    what: str
    remedy: str
    page: str


class Assessment(Value):
    """The state of an installation: facts by name, and problems, the gravest first.

    `reached` is False when neither a worker nor the broker answered.
    """

    well: bool
    reached: bool
    facts: dict[str, str]
    problems: tuple[Problem, ...]


def assess(
    workers: Sequence[WorkerView],
    topics: TopicView,
    now: datetime,
    dependencies: Mapping[str, str | None] | None = None,
) -> Assessment:
    """Assess. `dependencies` are those that were asked directly: None for an answer, else the cause."""
    answering = [worker for worker in workers if worker.problem is None]
    problems = (
        *_of_workers(workers),
        *_of_dependencies(answering, dependencies or {}),
        *_of_attachment_hosts(answering),
        *_of_topics(topics, now),
        *_of_backlog(answering),
        *_of_credentials(answering, now),
    )
    return Assessment(
        well=not problems,
        reached=bool(answering) or topics.problem is None,
        facts=_facts(workers, topics, now, dependencies or {}),
        problems=problems,
    )


def _problem(what: str, remedy: str, page: str) -> Problem:
    return Problem(what=what, remedy=remedy, page=f"{_PAGES}/{page}.md")


def _of_workers(workers: Sequence[WorkerView]) -> Iterator[Problem]:
    for worker in workers:
        ready = worker.ready
        if worker.problem is not None:
            yield _problem(
                f"worker {worker.url} is not available ({worker.problem})",
                "is it running, and is this its ONCOFHIR_HTTP__PORT? Its last log line says why it ended",
                "no-worker",
            )
        elif ready.get("halted_reason"):
            yield _problem(
                f"worker {worker.url} halts: {ready['halted_reason']}",
                str(ready.get("halted_remedy") or "read its last log line"),
                "worker-not-ready",
            )
        elif ready.get("settings"):
            yield _problem(
                f"worker {worker.url} cannot use a setting: {ready['settings']}",
                "correct the file that it names; it is read again without a restart",
                "worker-not-ready",
            )
        elif not worker.is_live:
            yield _problem(
                f"worker {worker.url} hangs: its poll loop has stopped", "restart it", "no-worker"
            )
        elif not worker.is_ready and not ready.get("unavailable"):
            yield _problem(
                f"worker {worker.url} is not ready",
                "it is starting, stopping or waiting for a dependency: its log says for which",
                "worker-not-ready",
            )


_NAMES = {"model": "model server", "store": "FHIR server", "broker": "broker"}


def _of_dependencies(
    workers: Sequence[WorkerView], direct: Mapping[str, str | None]
) -> Iterator[Problem]:
    unavailable = {
        labels["dependency"]
        for worker in workers
        for labels, value in worker.labelled("oncofhir_circuit_breaker_open")
        if value > 0
    }
    for dependency, name in _NAMES.items():
        cause = direct.get(dependency)
        if dependency in unavailable or cause is not None:
            shown = f" ({cause})" if cause is not None else ""
            yield _problem(
                f"the {name} is unavailable{shown}",
                "restart or repair it; the workers resume by themselves, and nothing is lost meanwhile",
                f"{dependency}-down",
            )


def _of_attachment_hosts(workers: Sequence[WorkerView]) -> Iterator[Problem]:
    origins = {
        labels["origin"]
        for worker in workers
        for labels, _ in worker.labelled("oncofhir_attachment_host_unavailable")
    }
    for origin in sorted(origins):
        yield _problem(
            f"the attachment host {origin} is unavailable; the reports that name it wait, then become dead "
            "letters",
            "repair it, or take it out of ONCOFHIR_INTAKE__ALLOWED_ORIGINS; then replay with: oncofhir "
            "dead-letters replay --reason attachment-host-unavailable",
            "dead-letters",
        )


def _of_topics(topics: TopicView, now: datetime) -> Iterator[Problem]:
    if topics.problem is not None:
        yield _problem(
            f"the broker cannot be read ({topics.problem})",
            "check ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS and its credentials, then the broker",
            "broker-down",
        )
    if topics.missing:
        yield _problem(
            f"topics are missing: {', '.join(topics.missing)}",
            "create them with: oncofhir topics ensure",
            "broker-down",
        )
    letters, ended = sum(topics.letters.values()), sum(topics.outcomes.values())
    dead = topics.outcomes.get(OutcomeStatus.DEAD_LETTERED.value, 0)
    if letters and ended >= _FEW_OUTCOMES and dead / ended > _MANY_LETTERS:
        reason = max(topics.letters, key=topics.letters.__getitem__)
        yield _problem(
            f"{dead} of the last {ended} reports are dead letters, most with {reason}",
            f"oncofhir dead-letters list --reason {reason}; oncofhir reasons {reason}",
            "dead-letters",
        )
    waiting = sum(topics.lag.values())
    is_silent = topics.last_outcome is None or (
        (now - topics.last_outcome).total_seconds() > OLD_SECONDS
    )
    if waiting and is_silent and topics.problem is None:
        yield _problem(
            f"{waiting} records wait, and no report was finished in the last hour",
            "find out what the workers wait for",
            "reports-not-written",
        )


def _of_backlog(workers: Sequence[WorkerView]) -> Iterator[Problem]:
    ages = [
        age for w in workers for age in w.values("oncofhir_backlog_age_seconds", priority="live")
    ]
    oldest = max(ages, default=0.0)
    if oldest > OLD_SECONDS:
        yield _problem(
            f"the oldest live report is {_duration(oldest)} old",
            "add workers, or capacity to what slows them down",
            "backlog-grows-old",
        )
    removed = sum(v for w in workers for v in w.values("oncofhir_records_removed_total"))
    if removed:
        yield _problem(
            f"{removed:.0f} records were removed before they were read, since the workers started",
            "raise the topics' retention, and publish these reports again",
            "records-removed",
        )


def _of_credentials(workers: Sequence[WorkerView], now: datetime) -> Iterator[Problem]:
    seen = set()
    for labels, at in (
        found
        for w in workers
        for found in w.labelled("oncofhir_credential_expiry_timestamp_seconds")
    ):
        left = at - now.timestamp()
        limit = _TOKEN_SECONDS if labels["kind"] == "token" else _CERTIFICATE_DAYS * _DAYS
        if left < limit and labels["setting"] not in seen:
            seen.add(labels["setting"])
            when = "has expired" if left <= 0 else f"expires in {_duration(left)}"
            yield _problem(
                f"the {labels['kind']} of {labels['setting']} {when}",
                "renew it where it is issued",
                "credential-expires",
            )


def _facts(
    workers: Sequence[WorkerView],
    topics: TopicView,
    now: datetime,
    direct: Mapping[str, str | None],
) -> dict[str, str]:
    answering = [worker for worker in workers if worker.problem is None]
    versions = sorted(
        {labels["version"] for w in answering for labels, _ in w.labelled("oncofhir_build_info")}
    )
    ready = sum(worker.is_ready for worker in answering)
    shown_versions = f", version {', '.join(versions)}" if versions else ""
    facts = {
        "workers": f"{ready} of {len(workers)} ready{shown_versions}",
        "model server": _availability("model", answering, direct),
        "FHIR server": _availability("store", answering, direct),
        "broker": topics.problem or _availability("broker", answering, direct, "available"),
    }
    if topics.problem is None:
        ages = [a for w in answering for a in w.values("oncofhir_backlog_age_seconds")]
        oldest = max(ages, default=0.0)
        age = f", the oldest in flight {_duration(oldest)} old" if oldest else ""
        facts["backlog"] = f"{sum(topics.lag.values())} records{age}"
        facts["last outcome"] = (
            f"{_duration((now - topics.last_outcome).total_seconds())} ago"
            if topics.last_outcome
            else "none yet"
        )
        facts[f"last {LAST_OUTCOMES} reports"] = _counts(topics.outcomes) or "none"
        facts["dead letters, 1 h"] = _counts(topics.letters) or "none"
        if topics.unreadable:
            facts["not readable"] = ", ".join(topics.unreadable)
    return facts


def _availability(
    dependency: str,
    workers: Sequence[WorkerView],
    direct: Mapping[str, str | None],
    unknown: str = "not known",
) -> str:
    if (cause := direct.get(dependency)) is not None:
        return f"unavailable: {cause}"
    values = [
        v for w in workers for v in w.values("oncofhir_circuit_breaker_open", dependency=dependency)
    ]
    if any(value > 0 for value in values):
        return "unavailable"
    is_available = dependency in direct or any(worker.is_ready for worker in workers)
    return "available" if is_available else unknown


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name}" for name, count in ordered)


def _duration(seconds: float) -> str:
    for unit, length in (("days", _DAYS), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"
