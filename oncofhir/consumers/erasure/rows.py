"""The rows of one patient on the output topics, and the tombstones that erase them.

The topics are compacted: a record with a key and a null value makes Kafka drop the earlier records of the
key, and a sink drop its row. Both topics are read to their end: rows may outlive their document in the store.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any

from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.contracts.registry.row_decoder import RowDecoder, UnknownSchema
from oncofhir.schemas.base import Value
from oncofhir.settings import KafkaSettings, SettingsError


class PatientRows(Value):
    """The keys of a patient's rows, by topic, with the documents and reports that the rows name."""

    phenotypes: frozenset[bytes]
    outcomes: frozenset[bytes]
    documents: frozenset[str]
    reports: frozenset[str]

    def tombstones(self, settings: KafkaSettings) -> list[Message]:
        """Build the records that erase the rows."""
        return [
            *(Message(settings.phenotype_topic, key, None) for key in sorted(self.phenotypes)),
            *(Message(settings.outcome_topic, key, None) for key in sorted(self.outcomes)),
        ]


def find_rows(
    reader: BoundedReader,
    settings: KafkaSettings,
    patient: str,
    *,
    documents: Iterable[str] = (),
    reports: Iterable[str] = (),
    missing: Collection[str] = (),
) -> PatientRows:
    """Find the rows of a patient: phenotype rows by subject, outcome rows by document or report. Blocking.

    An outcome row names no patient, so `documents` and `reports` are what else is known of the patient. Keys
    whose last record is a tombstone are left out. Topics that are `missing` are not read.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the broker answered.
        UnsuitableServer, SettingsError: the schema registry, where rows are Avro.
    """
    all_documents, all_reports = set(documents), set(reports)
    phenotypes: set[bytes] = set()
    decoder = RowDecoder.of(settings)
    for key, row in _rows(reader, settings.phenotype_topic, decoder, missing):
        if row is None:
            phenotypes.discard(key)
        elif row.get("subject") == patient:
            phenotypes.add(key)
            all_documents.add(str(row.get("document")))
            all_reports.add(str(row.get("source")))
    outcomes: set[bytes] = set()
    for key, row in _rows(reader, settings.outcome_topic, decoder, missing):
        if row is None:
            outcomes.discard(key)
        elif row.get("document") in all_documents or row.get("source") in all_reports:
            outcomes.add(key)
    return PatientRows(
        phenotypes=frozenset(phenotypes),
        outcomes=frozenset(outcomes),
        documents=frozenset(all_documents),
        reports=frozenset(all_reports),
    )


def _rows(
    reader: BoundedReader, topic: str, decoder: RowDecoder, missing: Collection[str]
) -> Iterable[tuple[bytes, dict[str, Any] | None]]:
    """Yield key and row of each record; None for a tombstone. Records that are not rows are left out."""
    if topic in missing:
        return
    for record in reader.read_to_end(topic):
        if record.key is None:
            continue
        if record.value is None:
            yield record.key, None
            continue
        try:
            row = json.loads(decoder.json(record.value))
        except UnknownSchema as error:  # it may be a row of the patient
            raise SettingsError(
                f"a record of {topic} is Avro and {error}: set ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL"
            ) from error
        except ValueError:
            continue
        if isinstance(row, dict):
            yield record.key, row
