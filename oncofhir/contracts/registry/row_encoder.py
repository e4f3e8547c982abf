"""Writes rows in Avro with the registry's framing."""

from typing import Any, Self

from oncofhir.contracts import avro_codec
from oncofhir.contracts.catalog import MODELS, published
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.contracts.registry.client import SchemaRegistry, schema_registry
from oncofhir.contracts.registry.framing import frame
from oncofhir.settings import KafkaSettings


class RowEncoder:
    """Encodes the rows of the output topics. Thread-safe.

    The subjects are named by the topics (TopicNameStrategy). Once `prepare` has succeeded the registry is not
    asked again.
    """

    def __init__(self, settings: KafkaSettings, registry: SchemaRegistry) -> None:
        self._registry = registry
        self._contracts = contracts_by_topic(settings)
        self._prepared: dict[str, tuple[int, Any]] = {}

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        """Return an encoder for the registry in the settings.

        Raises:
            SettingsError: the registry's authorities cannot be read.
        """
        return cls(settings, schema_registry(settings))

    @property
    def is_prepared(self) -> bool:
        """Whether the ids of all schemas are known."""
        return self._prepared.keys() == self._contracts.keys()

    def encodes(self, topic: str) -> bool:
        """Return whether a topic holds rows."""
        return topic in self._contracts

    def prepare(self) -> None:
        """Find the schemas in the registry; register those that it does not have. Blocking, idempotent.

        Raises:
            DependencyUnavailable, AccessDenied, UnsuitableServer, SettingsError: as the registry.
        """
        for topic, contract in self._contracts.items():
            if topic not in self._prepared:
                schema = published(contract, Format.AVRO)
                subject = subject_of(topic)
                found = self._registry.find(subject, schema, "AVRO")
                found = found or self._registry.register(subject, schema, "AVRO")
                self._prepared[topic] = (found.schema_id, avro_codec.parsed(schema))

    def encode(self, topic: str, row: bytes) -> bytes:
        """Return a row, given as JSON, in Avro with its schema's id. `prepare` must have succeeded."""
        schema_id, schema = self._prepared[topic]
        model = MODELS[self._contracts[topic]]
        return frame(schema_id, avro_codec.encode(model.model_validate_json(row), schema))


def contracts_by_topic(settings: KafkaSettings) -> dict[str, Contract]:
    """Return the contract of each topic that holds rows."""
    return {
        settings.phenotype_topic: Contract.PHENOTYPE,
        settings.outcome_topic: Contract.OUTCOME,
    }


def subject_of(topic: str) -> str:
    """Return the registry's subject for a topic's values (TopicNameStrategy)."""
    return f"{topic}-value"
