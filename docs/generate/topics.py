"""`docs/reference/topics.md`: the Kafka topics, their keys and settings."""

from docs.generate.markdown import head, json_block, table
from oncofhir.consumers.kafka.topics import wanted_topics
from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.contracts.examples import dead_letter_headers
from oncofhir.settings import KafkaSettings

_INTRODUCTION = """
`oncofhir topics ensure` creates the topics that are missing, with these settings; `oncofhir topics check` compares existing ones. Use at
least 3 replicas and `min.insync.replicas=2`: the producer waits for all in-sync replicas (`acks=all`).
"""
_USES = {
    "diagnostic_report_topic": ("in", "`DiagnosticReport/id`", "DiagnosticReport events ([envelopes](envelopes.md))"),
    "document_reference_topic": ("in", "`DocumentReference/id`", "DocumentReference events ([envelopes](envelopes.md))"),
    "diagnostic_report_backfill_topic": ("in", "as above", "old DiagnosticReports, read only while the live topics are caught up"),
    "document_reference_backfill_topic": ("in", "as above", "old DocumentReferences, likewise"),
    "phenotype_topic": ("out", "`finding`", "one row per finding ([rows](rows.md))"),
    "outcome_topic": ("out", "`document`", "one row per document version ([rows](rows.md))"),
    "dead_letter_topic": ("out", "as it came", "records that could not be processed, byte for byte, with the headers below"),
}  # fmt: skip
_NOTES = """
Input records need a key: Kafka keeps the order of one key, and the worker processes the records of one resource in order. Any key will do
that is the same for all versions of a report; `Type/id` is what `oncofhir publish` writes.

Row topics are compacted. Rows are upserts: keep the row with the highest `revision` of a key. An outcome that changes nothing (status
`older-version-ignored` or `duplicate-resource`) has the key `document|resource|version`, so that compaction keeps the outcome in force.

## Headers of a dead letter

Key, value and headers of the record are unchanged. These headers are added; they contain codes, numbers, times and names of topics, never
content of the record. [Reason codes](reasons.md).
"""


def topics_page() -> str:
    """Render the page."""
    unset = ("none", "none.")  # names of their own: two topics with one name are one
    settings = KafkaSettings(
        diagnostic_report_backfill_topic=unset[0], document_reference_backfill_topic=unset[1]
    )
    configs = {topic.name: topic.configs for topic in wanted_topics(settings, partitions=8)}
    rows = [
        (
            f"`ONCOFHIR_KAFKA__{name.upper()}`",
            "none" if getattr(settings, name) in unset else getattr(settings, name),
            *use,
            ", ".join(
                f"`{key}={value}`" for key, value in configs[getattr(settings, name)].items()
            ),
        )
        for name, use in _USES.items()
    ]
    columns = ("setting", "default", "direction", "key", "value", "topic settings")
    headers = (
        (f"`{field.alias}`", field.description or "")
        for field in DeadLetterHeaders.model_fields.values()
    )
    example = dead_letter_headers().model_dump(by_alias=True, exclude_none=True)
    return "\n".join(
        (
            head("Topics", "integration teams", "oncofhir/consumers/kafka/topics.py"),
            _INTRODUCTION.strip() + "\n",
            table(columns, rows),
            _NOTES.strip() + "\n",
            table(("header", "meaning"), headers),
            "An example:\n",
            json_block(example),
        )
    )
