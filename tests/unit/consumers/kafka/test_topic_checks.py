"""What is wrong with topics: a pure function of what the broker tells of them."""

import pytest

from oncofhir.consumers.kafka.publisher import DEAD_LETTER_HEADROOM
from oncofhir.consumers.kafka.topic_checks import Severity, TopicFacts, findings_of
from oncofhir.consumers.kafka.topics import wanted_topics
from oncofhir.settings import KafkaSettings

SETTINGS = KafkaSettings()
DEFAULTS = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.ms": "604800000"}


def as_ensured(**changed):
    """The facts of topics that `ensure` made; `changed` by topic role."""
    roles = {
        SETTINGS.diagnostic_report_topic: "reports",
        SETTINGS.dead_letter_topic: "letters",
        SETTINGS.outcome_topic: "outcomes",
    }
    facts = []
    for topic in wanted_topics(SETTINGS, partitions=4, replication_factor=3):
        own = changed.get(roles.get(topic.name, ""), {})
        facts.append(
            TopicFacts(
                name=topic.name,
                partitions=4,
                replication_factor=3,
                configs=DEFAULTS | dict(topic.configs) | own,
            )
        )
    return facts


def problems(facts, **options):
    return [(f.topic, f.problem, f.severity) for f in findings_of(facts, SETTINGS, **options)]


def test_what_ensure_makes_is_as_it_should_be():
    assert problems(as_ensured(), partitions=4, replication_factor=3) == []


@pytest.mark.parametrize(
    ("role", "config", "topic", "problem", "severity"),
    [
        (
            "reports",
            {"cleanup.policy": "compact"},
            SETTINGS.diagnostic_report_topic,
            "cleanup.policy",
            Severity.LOSES_DATA,
        ),
        (
            "letters",
            {"cleanup.policy": "compact,delete"},
            SETTINGS.dead_letter_topic,
            "cleanup.policy",
            Severity.LOSES_DATA,
        ),
        (
            "outcomes",
            {"cleanup.policy": "delete"},
            SETTINGS.outcome_topic,
            "cleanup.policy",
            Severity.LOSES_DATA,
        ),
        (
            "letters",
            {"max.message.bytes": str(SETTINGS.max_request_bytes + DEAD_LETTER_HEADROOM - 1)},
            SETTINGS.dead_letter_topic,
            "max.message.bytes",
            Severity.WRONG,
        ),
        (
            "letters",
            {"retention.ms": "60000"},
            SETTINGS.dead_letter_topic,
            "retention.ms",
            Severity.WRONG,
        ),
    ],
)
def test_each_setting_that_is_wrong_is_one_finding(role, config, topic, problem, severity):
    assert problems(as_ensured(**{role: config})) == [(topic, problem, severity)]


def test_records_that_no_dead_letter_could_hold_are_found_on_both_sides():
    larger = {"max.message.bytes": str(SETTINGS.max_request_bytes + 1)}
    assert [p[:2] for p in problems(as_ensured(reports=larger))] == [
        (SETTINGS.diagnostic_report_topic, "max.message.bytes"),
        (SETTINGS.dead_letter_topic, "max.message.bytes"),
    ]


def test_unlimited_retention_of_letters_is_enough_and_of_inputs_demands_as_much():
    assert problems(as_ensured(letters={"retention.ms": "-1"})) == []
    found = problems(as_ensured(reports={"retention.ms": "-1"}))
    assert [p[1] for p in found] == ["retention.ms"]


def test_missing_few_and_untold():
    assert {p[1] for p in problems([])} == {"missing"}
    few = problems(as_ensured(), partitions=5, replication_factor=4)
    assert [p[1] for p in few] == ["partitions", "replication"] * 5
    untold = [fact.model_copy(update={"configs": {}}) for fact in as_ensured()]
    assert {p[1:] for p in problems(untold)} == {("settings", Severity.UNKNOWN)}


@pytest.mark.parametrize(
    ("replicas", "in_sync", "problem"),
    [
        (1, "1", "replication"),
        (2, "2", "replication"),
        (3, "1", "min.insync.replicas"),
        (3, "2", None),
        (5, None, None),
    ],
)
def test_a_topic_that_one_failed_broker_takes_down_is_a_warning(replicas, in_sync, problem):
    facts = [
        fact.model_copy(
            update={
                "replication_factor": replicas,
                "configs": dict(fact.configs)
                | ({"min.insync.replicas": in_sync} if in_sync else {}),
            }
        )
        for fact in as_ensured()
    ]
    found = problems(facts)
    assert {(p, severity) for _, p, severity in found} == (
        {(problem, Severity.WARNING)} if problem else set()
    )
    assert len(found) == (len(facts) if problem else 0)
