"""Names of the contracts and of their formats; imports nothing, so that `--help` is quick."""

from enum import StrEnum


class Contract(StrEnum):
    """What a schema describes."""

    PHENOTYPE = "phenotype"
    OUTCOME = "outcome"
    DEAD_LETTER = "dead-letter"


class Format(StrEnum):
    """The language of a schema."""

    JSON_SCHEMA = "json-schema"
    AVRO = "avro"


class Document(StrEnum):
    """What `oncofhir schemas print` prints."""

    PHENOTYPE = "phenotype"
    OUTCOME = "outcome"
    DEAD_LETTER = "dead-letter"
    ASYNCAPI = "asyncapi"
    VIEWS = "views"
