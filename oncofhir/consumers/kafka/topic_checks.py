"""Checks the topics: what is wrong with each, and the remedy.

Meanings of the topic settings: https://kafka.apache.org/documentation/#topicconfigs.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.consumers.kafka.publisher import DEAD_LETTER_HEADROOM
from oncofhir.consumers.kafka.topics import wanted_topics
from oncofhir.schemas.base import Value
from oncofhir.settings import KafkaSettings

_CLEANUP, _SIZE, _RETENTION = "cleanup.policy", "max.message.bytes", "retention.ms"
_IN_SYNC = "min.insync.replicas"
_FOREVER = -1
# Three replicas of which two must acknowledge: the failure of one broker loses nothing and stops nothing.
_SAFE_REPLICAS, _SAFE_IN_SYNC = 3, 2
MISSING = "missing"  # the problem of a topic that is not there


class Severity(StrEnum):
    """How bad a finding is.

    `loses-data`: records may be deleted. `wrong`: something will fail. `warning`: the failure of one broker
    may lose records or stop the service. `unknown`: the broker does not report it.
    """

    LOSES_DATA = "loses-data"
    WRONG = "wrong"
    WARNING = "warning"
    UNKNOWN = "unknown"


class TopicFinding(Value):
    """A problem of a topic, in numbers and names of settings, and its remedy."""

    topic: str
    problem: str
    severity: Severity
    found: str
    wanted: str
    remedy: str


class TopicFacts(Value):
    """A topic as the broker describes it. A setting that the broker does not report is absent."""

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = {}


def check_topics(
    settings: KafkaSettings, *, partitions: int = 1, replication_factor: int = 1
) -> tuple[TopicFinding, ...]:
    """Return the problems of the topics in the settings. Blocking.

    Raises:
        DependencyUnavailable: the broker cannot be reached.
        AccessDenied: the broker refuses the credentials.
    """
    names = [topic.name for topic in wanted_topics(settings, partitions=1)]
    admin = connect(KafkaAdminClient, settings, **client_options(settings, "topics"))
    try:
        present = sorted(set(names) & set(admin.list_topics()))
        facts = _facts(admin, present) if present else ()
    except KafkaError as error:
        raise translate_error(error, settings) from error
    finally:
        admin.close()
    return tuple(
        findings_of(facts, settings, partitions=partitions, replication_factor=replication_factor)
    )


def _facts(admin: KafkaAdminClient, names: Sequence[str]) -> tuple[TopicFacts, ...]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(asked, config_filter="all").get("topic", {})
    return tuple(
        TopicFacts(
            name=topic["name"],
            partitions=len(topic["partitions"]),
            replication_factor=min(
                (len(p["replica_nodes"]) for p in topic["partitions"]), default=0
            ),
            configs={
                name: str(config["value"])
                for name, config in described.get(topic["name"], {}).items()
                if config.get("value") is not None
            },
        )
        for topic in admin.describe_topics(list(names))
    )


def findings_of(
    facts: Sequence[TopicFacts],
    settings: KafkaSettings,
    *,
    partitions: int = 1,
    replication_factor: int = 1,
) -> Iterator[TopicFinding]:
    """Yield the problems of topics, topic after topic. Pure."""
    known = {fact.name: fact for fact in facts}
    rows = (settings.phenotype_topic, settings.outcome_topic)
    inputs = [known[name] for name in settings.input_topics if name in known]
    for name in (*settings.input_topics, *rows, settings.dead_letter_topic):
        fact = known.get(name)
        if fact is None:
            remedy = "oncofhir topics ensure"
            yield _wrong(name, MISSING, "none", "a topic", remedy)
            continue
        if fact.partitions < partitions:
            found, remedy = str(fact.partitions), "add partitions while no record is waiting"
            yield _wrong(name, "partitions", found, f"{partitions} or more", remedy)
        if fact.replication_factor < replication_factor:
            found, remedy = str(fact.replication_factor), "reassign with more replicas"
            yield _wrong(name, "replication", found, f"{replication_factor} or more", remedy)
        else:
            yield from _check_durability(fact)
        if not {_CLEANUP, _SIZE} <= fact.configs.keys():
            remedy = "check cleanup.policy and max.message.bytes with the broker's own tools"
            yield _finding(
                fact.name,
                "settings",
                Severity.UNKNOWN,
                "not reported by the broker",
                "known",
                remedy,
            )
        elif name in rows:
            yield from _check_row_topic(fact)
        elif name == settings.dead_letter_topic:
            yield from _check_dead_letter_topic(fact, inputs)
        else:
            yield from _check_input_topic(fact, settings)


def _check_durability(fact: TopicFacts) -> Iterator[TopicFinding]:
    """Warn of a topic that does not outlive the failure of one broker; at most one finding."""
    in_sync = fact.configs.get(_IN_SYNC)
    if fact.replication_factor < _SAFE_REPLICAS:
        yield _finding(
            fact.name,
            "replication",
            Severity.WARNING,
            str(fact.replication_factor),
            f"{_SAFE_REPLICAS} or more",
            "kafka-reassign-partitions.sh, or set default.replication.factor before creating topics",
        )
    elif in_sync is not None and int(in_sync) < _SAFE_IN_SYNC:
        remedy = _alter_command(_IN_SYNC, str(_SAFE_IN_SYNC))
        yield _finding(
            fact.name, _IN_SYNC, Severity.WARNING, in_sync, f"{_SAFE_IN_SYNC} or more", remedy
        )


def _check_row_topic(fact: TopicFacts) -> Iterator[TopicFinding]:
    policy = fact.configs[_CLEANUP]
    if policy != "compact":
        yield _finding(
            fact.name,
            _CLEANUP,
            Severity.LOSES_DATA,
            policy,
            "compact",
            _alter_command(_CLEANUP, "compact"),
        )


def _check_dead_letter_topic(
    fact: TopicFacts, inputs: Sequence[TopicFacts]
) -> Iterator[TopicFinding]:
    policy = fact.configs[_CLEANUP]
    if (
        "compact" in policy
    ):  # dead letters keep their record's key: compaction would keep only the last of a document
        yield _finding(
            fact.name,
            _CLEANUP,
            Severity.LOSES_DATA,
            policy,
            "delete",
            _alter_command(_CLEANUP, "delete"),
        )
    size = int(fact.configs[_SIZE])
    needed = max((int(i.configs.get(_SIZE, "0")) for i in inputs), default=0) + DEAD_LETTER_HEADROOM
    if size < needed:
        yield _wrong(
            fact.name, _SIZE, str(size), f"{needed} or more", _alter_command(_SIZE, str(needed))
        )
    kept = _retention(fact)
    longest = max((_retention(i) for i in inputs), default=0.0)
    if kept < longest:
        wanted = "as long as the input topics, or longer"
        yield _wrong(
            fact.name,
            _RETENTION,
            fact.configs[_RETENTION],
            wanted,
            _alter_command(_RETENTION, "-1"),
        )


def _check_input_topic(fact: TopicFacts, settings: KafkaSettings) -> Iterator[TopicFinding]:
    policy, size = fact.configs[_CLEANUP], int(fact.configs[_SIZE])
    if "compact" in policy:  # compaction may delete a version before it is read
        yield _finding(
            fact.name,
            _CLEANUP,
            Severity.LOSES_DATA,
            policy,
            "delete",
            _alter_command(_CLEANUP, "delete"),
        )
    if size > settings.max_request_bytes:
        remedy = "ONCOFHIR_KAFKA__MAX_REQUEST_BYTES as large, or a smaller max.message.bytes"
        wanted = f"{settings.max_request_bytes} or less"  # larger records are dead-lettered as a reference
        yield _wrong(fact.name, _SIZE, str(size), wanted, remedy)


def _retention(fact: TopicFacts) -> float:
    said = int(fact.configs.get(_RETENTION, "0"))
    return float("inf") if said == _FOREVER else float(said)


def _alter_command(name: str, value: str) -> str:
    return f"kafka-configs.sh --alter --add-config {name}={value}"


def _wrong(topic: str, problem: str, found: str, wanted: str, remedy: str) -> TopicFinding:
    return _finding(topic, problem, Severity.WRONG, found, wanted, remedy)


def _finding(
    topic: str, problem: str, severity: Severity, found: str, wanted: str, remedy: str
) -> TopicFinding:
    return TopicFinding(
        topic=topic, problem=problem, severity=severity, found=found, wanted=wanted, remedy=remedy
    )
