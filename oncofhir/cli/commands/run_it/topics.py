"""`oncofhir topics ensure` and `topics check`: creates missing topics, and finds wrong topic settings."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import fitted, json_line, note, pluralize, wants_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from oncofhir.consumers.kafka.topic_checks import TopicFinding
    from oncofhir.settings import KafkaSettings


def topics() -> None:
    """Create the Kafka topics of the service, or check their settings.

    Examples:
        oncofhir topics ensure
        oncofhir topics check
    """


def ensure(
    partitions: Annotated[
        int, typer.Option(metavar="N", min=1, help="Partitions for new topics.")
    ] = 8,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Replicas for new topics. Default: the broker's default."
        ),
    ] = None,
) -> None:
    """Create the input and output topics that are missing. Existing topics are not changed.

    Prints one JSON object per topic. A warning names new topics with fewer than 3 replicas, or with
    min.insync.replicas below 2: one failed broker may lose their records.

    Examples:
        oncofhir topics ensure
        oncofhir topics ensure --partitions 24 --replication-factor 3

    Exit status: 2 wrong settings, 3 the broker is unreachable or refuses.
    """
    from oncofhir.consumers.kafka.topics import ensure_topics
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    try:
        states = ensure_topics(
            settings.kafka, partitions=partitions, replication_factor=replication_factor
        )
        for state in states:
            json_line(state)
        created = {state.name for state in states if state.created}
        for warning in _durability_warnings(settings.kafka, created):
            note(f"warning: {_sentence(warning)}")
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    existing = len(states) - len(created)
    note(f"created {pluralize(len(created), 'topic')}, {existing} existed before")


def check(
    partitions: Annotated[
        int, typer.Option(metavar="N", min=1, help="Least number of partitions.")
    ] = 1,
    replication_factor: Annotated[
        int, typer.Option(metavar="N", min=1, help="Least number of replicas.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Check the topics, and print each problem with its remedy: one JSON object per problem.

    Checked are partitions, replicas, min.insync.replicas, cleanup policy, retention, and whether a dead
    letter of the largest input record fits. Severities: loses-data, wrong, warning (one failed broker may
    lose records), unknown (the broker does not report it).

    Examples:
        oncofhir topics check
        oncofhir topics check --partitions 8 --replication-factor 3

    Exit status: 0 no problem, or only warnings and unknowns; 1 something is wrong; 2 wrong settings;
    3 the broker is unreachable or refuses.
    """
    from oncofhir.consumers.kafka.topic_checks import Severity, check_topics
    from oncofhir.consumers.kafka.topics import wanted_topics
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    try:
        findings = check_topics(
            settings.kafka, partitions=partitions, replication_factor=replication_factor
        )
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    if wants_tables(as_json):
        for (problem, remedy), names in _by_problem(findings).items():
            typer.echo(fitted(problem, sys.stdout))
            for text in (f"remedy: {remedy}", f"topics: {', '.join(names)}"):
                typer.echo(fitted(text, sys.stdout, "  ", "    "))
    else:
        for finding in findings:
            json_line(finding)
    checked = len(wanted_topics(settings.kafka, partitions=1))
    severities = [finding.severity.value for finding in findings]
    note(check_summary(checked, severities))
    if any(finding.severity in {Severity.LOSES_DATA, Severity.WRONG} for finding in findings):
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def check_summary(topics: int, severities: "Collection[str]") -> str:
    """What was checked and what was found, also if it is nothing."""
    counts = ", ".join(f"{count} {name}" for name, count in Counter(severities).items())
    return f"checked {pluralize(topics, 'topic')}: {counts or 'no problem'}"


def _by_problem(findings: "Sequence[TopicFinding]") -> "Mapping[tuple[str, str], Sequence[str]]":
    """The findings for a person: each problem with its remedy, and the topics that have it."""
    topics: dict[tuple[str, str], list[str]] = {}
    for one in findings:
        problem = f"{one.severity.value}: {one.problem}: {one.found}; wanted: {one.wanted}"
        topics.setdefault((problem, one.remedy), []).append(one.topic)
    return topics


def _durability_warnings(
    settings: "KafkaSettings", topics: "Collection[str]"
) -> "Iterator[TopicFinding]":
    """The topics that do not outlive the failure of a broker; none if the broker refuses to describe them."""
    from oncofhir.consumers.kafka.topic_checks import Severity, check_topics
    from oncofhir.schemas.errors import AccessDenied

    if not topics:
        return
    try:
        findings = check_topics(settings)
    except AccessDenied:
        return
    for finding in findings:
        if finding.topic in topics and finding.severity is Severity.WARNING:
            yield finding


def _sentence(finding: "TopicFinding") -> str:
    return (
        f"{finding.topic}: {finding.problem}: {finding.found}; wanted: {finding.wanted}; "
        f"remedy: {finding.remedy}"
    )


app = new_group(topics)
add(app, "ensure", ensure)
add(app, "check", check)
