"""The Kafka headers that oncofhir adds to a dead letter."""

from pydantic import BaseModel, ConfigDict, Field


class DeadLetterHeaders(BaseModel):
    """Headers that oncofhir adds to a record in the dead-letter topic.

    Key, value and the other headers are unchanged. Each header's value is UTF-8 text. The headers hold
    codes, numbers, times and topic names, never content of the record. A header without a value is left out.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        alias_generator=lambda name: f"oncofhir-{name.replace('_', '-')}",
    )

    reason: str = Field(
        description="Reason code; `oncofhir reasons` prints the meaning and remedy."
    )
    detail: str | None = Field(
        None, description="What exactly was wrong, in names of fields and types, without content."
    )
    stage: str = Field(
        description="The step that failed: decode or process; operator: set aside by an operator; backfill: "
        "a broken line of a backfill's source."
    )
    location: str | None = Field(
        None, description="Element path, position in JSON, or address without its query."
    )
    body: str | None = Field(
        None,
        description="`reference` if the record was too large to be copied: the value refers to it.",
    )
    bytes: str | None = Field(
        None, description="Of a reference: size of the original key and value.", pattern="^[0-9]+$"
    )
    sha256: str | None = Field(
        None, description="Of a reference: SHA-256 of the original value, hexadecimal."
    )
    entries: str | None = Field(
        None, description="Positions, from 0, of the record's reports that failed, comma-separated."
    )
    attempts: str = Field(description="How often the record was tried.", pattern="^[0-9]+$")
    topic: str = Field(description="Topic of the original record.")
    partition: str = Field(
        description="Partition of the original record; -1: it never was in a topic (stage backfill).",
        pattern="^(-1|[0-9]+)$",
    )
    offset: str = Field(
        description="Offset of the original record, or the number of a backfill's item.",
        pattern="^[0-9]+$",
    )
    timestamp: str = Field(
        description="Timestamp of the original record, epoch milliseconds.", pattern="^-?[0-9]+$"
    )
    first_tried: str = Field(description="Time of the first attempt, ISO 8601 in UTC.")
    last_tried: str = Field(description="Time of the last attempt, ISO 8601 in UTC.")
    version: str = Field(description="Version of oncofhir that wrote the dead letter.")
    null_headers: str | None = Field(
        None,
        description="Positions, from 0, of the original headers that had no value, comma-separated.",
    )
    traceparent: str | None = Field(
        None,
        description="W3C Trace Context of the worker's span, where traces are on. The publisher's own "
        "`traceparent` is among the unchanged headers.",
    )
