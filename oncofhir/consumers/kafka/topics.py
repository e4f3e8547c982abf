"""The topics that the service reads and writes, and the creation of missing ones."""

from collections.abc import Collection, Mapping

from kafka import KafkaAdminClient
from kafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.consumers.kafka.publisher import DEAD_LETTER_HEADROOM
from oncofhir.schemas.base import Value
from oncofhir.settings import KafkaSettings, SettingsError

_COMPACTED = {"cleanup.policy": "compact"}
_BROKER_DEFAULT = -1  # default.replication.factor of the broker (KIP-464, Kafka 2.4)


class Topic(Value):
    """A topic as it should be. Rows are compacted: the latest of a key is what counts.

    `replication_factor` None is the broker's default.
    """

    name: str
    partitions: int
    replication_factor: int | None = None
    configs: Mapping[str, str] = {}


class TopicState(Value):
    """A topic of the settings: created now or present before, with its number of partitions."""

    name: str
    created: bool
    partitions: int


def wanted_topics(
    settings: KafkaSettings, *, partitions: int, replication_factor: int | None = None
) -> tuple[Topic, ...]:
    """Return all topics of the settings. A dead letter is a whole record with more headers."""
    size = {"max.message.bytes": str(settings.max_request_bytes)}
    larger = {"max.message.bytes": str(settings.max_request_bytes + DEAD_LETTER_HEADROOM)}
    rows = (settings.phenotype_topic, settings.outcome_topic)
    return tuple(
        Topic(
            name=name, partitions=partitions, replication_factor=replication_factor, configs=configs
        )
        for names, configs in (
            (settings.input_topics, size),
            ((settings.dead_letter_topic,), larger),
            (rows, _COMPACTED),
        )
        for name in names
    )


def ensure_topics(
    settings: KafkaSettings, *, partitions: int = 4, replication_factor: int | None = None
) -> tuple[TopicState, ...]:
    """Create the missing topics. Existing topics are not changed. Blocking.

    Raises:
        DependencyUnavailable: the broker cannot be reached, or did not create a topic.
        AccessDenied: the broker refuses the credentials.
    """
    admin = connect(KafkaAdminClient, settings, **client_options(settings, "topics"))
    try:
        known = set(admin.list_topics())
        wanted = wanted_topics(
            settings, partitions=partitions, replication_factor=replication_factor
        )
        missing = [topic for topic in wanted if topic.name not in known]
        for topic in missing:
            _create(admin, topic)
        counts = {
            found["name"]: len(found["partitions"])
            for found in admin.describe_topics([topic.name for topic in wanted])
        }
    except KafkaError as error:
        raise translate_error(error, settings) from error
    finally:
        admin.close()
    created = {topic.name for topic in missing}
    return tuple(
        TopicState(name=t.name, created=t.name in created, partitions=counts.get(t.name, 0))
        for t in wanted
    )


def refuse_missing_topics(names: Collection[str], settings: KafkaSettings) -> None:
    """Check that topics exist before anything is published: a broker may create missing ones. Blocking.

    Raises:
        SettingsError: a topic does not exist; the message names it and the remedy.
        DependencyUnavailable, AccessDenied: the broker cannot be asked.
    """
    admin = connect(KafkaAdminClient, settings, **client_options(settings, "topics"))
    try:
        missing = sorted(set(names) - set(admin.list_topics()))
    except KafkaError as error:
        raise translate_error(error, settings) from error
    finally:
        admin.close()
    if missing:
        raise SettingsError(
            f"topic not found: {', '.join(missing)}; correct the name, or create the topics of the settings "
            "with 'oncofhir topics ensure'"
        )


def missing_topics(names: Collection[str], settings: KafkaSettings) -> frozenset[str]:
    """Return the topics that do not exist; a topic that the credentials may not see is an error. Blocking.

    Raises:
        DependencyUnavailable, AccessDenied: the broker cannot be asked, or does not say.
    """
    missing = set()
    admin = connect(KafkaAdminClient, settings, **client_options(settings, "topics"))
    try:
        for topic in admin.describe_topics(sorted(names)):
            if topic["error_code"] == UnknownTopicOrPartitionError.errno:
                missing.add(topic["name"])
            elif topic["error_code"]:
                raise for_code(topic["error_code"])
    except KafkaError as error:
        raise translate_error(error, settings) from error
    finally:
        admin.close()
    return frozenset(missing)


def _create(admin: KafkaAdminClient, topic: Topic) -> None:
    options = {
        "num_partitions": topic.partitions,
        "replication_factor": _BROKER_DEFAULT
        if topic.replication_factor is None
        else topic.replication_factor,
        "configs": dict(topic.configs),
    }
    try:
        admin.create_topics({topic.name: options}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # another process was faster
