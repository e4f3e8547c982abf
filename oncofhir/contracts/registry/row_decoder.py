"""Reads rows that are JSON, or Avro with the registry's framing."""

import json
from typing import Any, Self

from oncofhir.contracts import avro_codec
from oncofhir.contracts.registry.client import SchemaRegistry, schema_registry
from oncofhir.contracts.registry.framing import is_framed, unframe
from oncofhir.settings import KafkaSettings


class UnknownSchema(ValueError):
    """A framed value names a schema that no registry here has: none is set, or it does not know the id."""


class RowDecoder:
    """Gives the JSON of rows in either encoding. For one thread.

    Schemas are fetched by their id, each once: an id never changes its meaning.
    """

    def __init__(self, registry: SchemaRegistry | None) -> None:
        self._registry = registry
        self._schemas: dict[int, Any] = {}

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        """Return a decoder for the registry in the settings, if there is one.

        Raises:
            SettingsError: the registry's authorities cannot be read.
        """
        has_registry = settings.schema_registry_url is not None
        return cls(schema_registry(settings) if has_registry else None)

    def json(self, value: bytes) -> bytes:
        """Return the row's JSON; a value without framing is returned as it is.

        Raises:
            UnknownSchema: the schema is not to be had.
            ValueError: the value does not fit its schema.
            DependencyUnavailable, AccessDenied, UnsuitableServer, SettingsError: as the registry.
        """
        if not is_framed(value):
            return value
        schema_id, datum = unframe(value)
        record = avro_codec.decode(datum, self._schema(schema_id))
        return json.dumps(record, ensure_ascii=True).encode()

    def _schema(self, schema_id: int) -> Any:
        if self._registry is None:
            raise UnknownSchema("no schema registry is named")
        if schema_id not in self._schemas:
            found = self._registry.schema(schema_id)
            if found is None:
                raise UnknownSchema(f"{self._registry.url} has no schema {schema_id}")
            self._schemas[schema_id] = avro_codec.parsed(found)
        return self._schemas[schema_id]
