"""A consumer written from the AsyncAPI document alone reads every field that it promises.

`consumer.py` was written by somebody who had only that document, on confluent-kafka; it imports nothing of oncofhir.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from oncofhir.cli.main import app
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    message,
    publish,
    read_all,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio
CONSUMER = Path(__file__).with_name("consumer.py")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def settings():
    with EmbeddedBroker() as broker:
        made = settings_for(broker.address)
        ensure_topics(made.kafka, partitions=4)
        yield made


async def fill(settings):
    """Three reports, a correction of one, a record that is no JSON, and the erasure of another's finding."""
    processor = InstantProcessor()
    async with running(settings, processor):
        sent = [report(f"r{n}") for n in range(3)] + [report("r0", version=2)]
        await publish(settings, [message(settings, r) for r in sent])
        await publish(settings, [message(settings, b"no JSON")])
        await until(lambda: len(processor.events) == 4)
        await until(lambda: len(read_all(settings, settings.kafka.outcome_topic)) == 5)
    # The tombstone goes to the partition of its key's rows: librdkafka's default partitioner is another one.
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "partitioner": "murmur2_random",
        }
    )
    producer.produce(settings.kafka.phenotype_topic, None, b"finding-DiagnosticReport/r1")
    producer.flush()


def consume(settings, tmp_path, monkeypatch):
    for name in ("phenotype_topic", "outcome_topic", "dead_letter_topic"):
        monkeypatch.setenv(f"ONCOFHIR_KAFKA__{name.upper()}", getattr(settings.kafka, name))
    document = CliRunner().invoke(app, ["schemas", "print", "asyncapi"]).stdout
    (tmp_path / "asyncapi.json").write_text(document)
    done = subprocess.run(
        [sys.executable, str(CONSUMER), "asyncapi.json", settings.kafka.bootstrap_servers],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_every_promised_field_is_read(settings, tmp_path, monkeypatch):
    await fill(settings)
    *read, last = consume(settings, tmp_path, monkeypatch)
    assert last["problems"] == []
    promised = {
        "phenotypes": set(PhenotypeRow.model_fields),
        "outcomes": set(OutcomeRow.model_fields),
        "deadLetters": {f"oncofhir-{n.replace('_', '-')}" for n in DeadLetterHeaders.model_fields},
    }
    for one in read:
        assert one["tombstone"] or set(one["fields"]) >= promised[one["channel"]]
    counts = [one["channel"] for one in read]
    assert (counts.count("phenotypes"), counts.count("outcomes"), counts.count("deadLetters")) == (
        5,
        5,
        1,
    )
    current = last["current"]["phenotypes"]
    assert {key: row["revision"] for key, row in current.items()} == {
        "finding-DiagnosticReport/r0": 2,
        "finding-DiagnosticReport/r2": 1,
    }
    for row in [*current.values()]:
        assert PhenotypeRow.model_validate(row).value == "25 mm"
    for row in last["current"]["outcomes"].values():
        OutcomeRow.model_validate(row)
