"""Reads what the worker publishes: rows, outcomes and dead letters, with the records that they came from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from oncofhir.consumers.kafka.assigned_reader import AssignedReader, assigned_reader
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from oncofhir.settings import KafkaSettings

_MAX_POLL_RECORDS = 1000


class PublishedOutcome(NamedTuple):
    """An outcome row and the record that it is about."""

    source: Coordinates
    row: OutcomeRow


class PublishedDeadLetter(NamedTuple):
    """The record that was dead-lettered, and the reason code."""

    source: Coordinates
    reason: str


Output = PhenotypeRow | PublishedOutcome | PublishedDeadLetter


class OutputReader:
    """Reads the three output topics. Blocking; for one thread.

    Tombstones, and outcomes and dead letters whose headers name no record, are left out.
    """

    def __init__(self, reader: AssignedReader, settings: KafkaSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._decoder = RowDecoder.of(settings)

    def poll(self, timeout_ms: int) -> Iterator[Output]:
        """Yield what was published since the last call; nothing when nothing came in time.

        Raises:
            DependencyUnavailable, AccessDenied: the broker or the schema registry.
            UnsuitableServer, SettingsError: the schema registry.
            ValueError: a row is not one of this version (pydantic).
        """
        for records in self._reader.poll(timeout_ms, _MAX_POLL_RECORDS).values():
            for record in records:
                output = self._output(record)
                if output is not None:
                    yield output

    def _output(self, record: Any) -> Output | None:
        if record.value is None:
            return None
        if record.topic == self._settings.phenotype_topic:
            return PhenotypeRow.model_validate_json(self._decoder.json(record.value))
        headers = {
            name: (value or b"").decode("utf-8", "replace") for name, value in record.headers
        }
        if record.topic == self._settings.outcome_topic:
            source = _source(headers, "oncofhir-source-")
            row = self._decoder.json(record.value)
            return source and PublishedOutcome(source, OutcomeRow.model_validate_json(row))
        source = _source(headers, "oncofhir-")
        return source and PublishedDeadLetter(
            source, headers.get("oncofhir-reason", "no reason given")
        )


@contextmanager
def output_reader(
    settings: KafkaSettings, client: str, *, from_beginning: bool
) -> Iterator[OutputReader]:
    """Open a reader of the output topics; `client` names it in the broker's log.

    Raises:
        DependencyUnavailable, AccessDenied: the broker cannot be reached, or refuses the credentials.
        RequestRejected: a topic is missing; the error's address names it.
    """
    topics = (settings.phenotype_topic, settings.outcome_topic, settings.dead_letter_topic)
    with assigned_reader(settings, client) as reader:
        if from_beginning:
            reader.start({topic: {} for topic in topics})
        else:
            reader.start_at_end(topics)
        yield OutputReader(reader, settings)


def _source(headers: Mapping[str, str], prefix: str) -> Coordinates | None:
    """Return the coordinates that a message's headers name; None if they name none."""
    topic, partition, offset = (
        headers.get(prefix + n, "") for n in ("topic", "partition", "offset")
    )
    if not topic or not partition.isdecimal() or not offset.isdecimal():
        return None
    return Coordinates(topic, int(partition), int(offset))
