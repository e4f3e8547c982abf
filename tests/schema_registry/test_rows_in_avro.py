"""Rows in Avro from the worker into tables, with a real registry, and what happens while it is down."""

import asyncio
import json
import os
import subprocess
import sys

import duckdb
import fastavro
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from oncofhir.consumers.dead_letters.recent_outcomes import read_recent_outcomes
from oncofhir.consumers.erasure.rows import find_rows
from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.consumers.publishing.output_reader import output_reader
from oncofhir.consumers.reconciliation.reconcile import read_topics
from oncofhir.consumers.worker import Worker
from oncofhir.contracts.catalog import published
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.contracts.registry.client import SchemaRegistry, schema_registry
from oncofhir.contracts.registry.row_encoder import subject_of
from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    message,
    processed_of,
    publish,
    read_all,
    report,
    running,
)
from tests.schema_registry.apicurio import ApicurioRegistry
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def work_on(settings, count=3):
    processor = InstantProcessor()
    sent = [message(settings, report(f"r{n}")) for n in range(count)]
    async with running(settings, processor):
        await publish(settings, [*sent, message(settings, b"no JSON: CANARY")])
        await outcomes_of(settings, count + 1)
    return processor


async def outcomes_of(settings, count):
    """The records of the outcome topic, once there are so many."""
    found = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found = await asyncio.to_thread(read_all, settings, settings.kafka.outcome_topic)
    return found


def oncofhir(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "oncofhir", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def read_by_confluent(url, topic, value):
    """The row as Confluent's own deserializer reads it, which knows the registry alone."""
    with SchemaRegistryClient({"url": url}) as client:
        return AvroDeserializer(client)(value, SerializationContext(topic, MessageField.VALUE))


async def test_a_consumer_that_knows_the_registry_alone_reads_every_column(settings, registry):
    processor = await work_on(settings)
    rows = read_all(settings, settings.kafka.phenotype_topic)
    assert len(rows) == 3
    wanted = {e.source.unversioned: processed_of(e).rows[0] for e in processor.events}
    for record in rows:
        assert dict(record.headers)["content-type"] == b"application/avro"
        read = read_by_confluent(registry.url, settings.kafka.phenotype_topic, record.value)
        assert set(read) == set(PhenotypeRow.model_fields)
        row = PhenotypeRow.model_validate(read)
        assert row == wanted[row.document].model_copy(update={"asserted": row.asserted})
    outcomes = [
        OutcomeRow.model_validate(read_by_confluent(registry.url, r.topic, r.value))
        for r in read_all(settings, settings.kafka.outcome_topic)
    ]
    assert sorted(o.status for o in outcomes) == [
        OutcomeStatus.DEAD_LETTERED,
        *[OutcomeStatus.FOUND] * 3,
    ]


async def test_the_sink_lands_them_as_it_lands_json(settings, environment, tmp_path):
    await work_on(settings)
    file = tmp_path / "w.duckdb"
    done = oncofhir(environment(settings.kafka), "sink", "--once", "--duckdb", str(file))
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)["tables"]
    assert (tables["phenotypes"]["merged"], tables["outcomes"]["merged"]) == (3, 4)
    with duckdb.connect(str(file)) as found:
        rows = found.execute("SELECT document, value, basis, asserted FROM findings").fetchall()
        assert sorted(row[:3] for row in rows) == [
            (f"DiagnosticReport/r{n}", "25 mm", "stated") for n in range(3)
        ]
        assert all(row[3].tzinfo is not None for row in rows)
        assert found.execute("SELECT count(*) FROM rejected_records").fetchall() == [(0,)]


async def test_commands_that_read_outcomes_read_them_in_avro(settings):
    await work_on(settings)
    recent = read_recent_outcomes(settings.kafka, 10)
    assert recent.consecutive_dead_letters in {0, 1}
    with bounded_reader(settings.kafka) as reader:
        ledger = read_topics(reader, settings.kafka, None, None, lambda _: None)
        rows = find_rows(reader, settings.kafka, "Patient/p")
    assert (len(rows.phenotypes), len(rows.outcomes)) == (3, 3)
    assert not list(ledger.discrepancies({}, now=0, late=0))
    assert (ledger.counts["accounted"], ledger.counts["foreign"]) == (4, 0)


async def test_an_erasure_that_cannot_read_the_rows_says_so(settings):
    await work_on(settings)
    without = settings.kafka.model_copy(update={"schema_registry_url": None})
    with bounded_reader(without) as reader, pytest.raises(SettingsError, match="SCHEMA_REGISTRY"):
        find_rows(reader, without, "Patient/p")


async def test_the_reader_of_the_output_topics_reads_rows_and_outcomes(settings):
    await work_on(settings)
    with output_reader(settings.kafka, "test", from_beginning=True) as reader:
        found = [output for _ in range(10) for output in reader.poll(300)]
    assert sum(isinstance(output, PhenotypeRow) for output in found) == 3
    assert len(found) == 3 + 4 + 1


async def test_a_worker_waits_for_the_registry_and_then_needs_it_no_more(settings_with):
    registry = ApicurioRegistry()
    settings = settings_with(registry.url)
    processor = InstantProcessor()
    await publish(settings, [message(settings, report("r0"))])
    async with running(settings, processor) as worker:
        await asyncio.sleep(1.5)
        assert not worker.status.is_started
        assert not processor.events
        with registry:
            await until(lambda: processor.events)
        await publish(settings, [message(settings, report("r1"))])
        assert len(await outcomes_of(settings, 2)) == 2
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_a_sink_without_its_registry_ends_and_goes_on_with_it(
    settings, environment, tmp_path
):
    await work_on(settings)
    of_worker = environment(settings.kafka)
    name = "ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL"
    arguments = ("sink", "--once", "--duckdb", str(tmp_path / "w.duckdb"))

    down = oncofhir(of_worker | {name: "http://127.0.0.1:1"}, *arguments)
    assert (down.returncode, "registry-unreachable" in down.stderr) == (3, True), down.stderr

    none = {k: v for k, v in of_worker.items() if k not in {name, "ONCOFHIR_KAFKA__ROW_FORMAT"}}
    unset = oncofhir(none, *arguments)
    assert unset.returncode == 2
    assert f"set {name}" in unset.stderr

    up = oncofhir(of_worker, *arguments)
    assert up.returncode == 0, up.stderr
    assert json.loads(up.stdout)["tables"]["phenotypes"]["merged"] == 3


async def test_another_registry_that_lacks_the_schema_ends_the_sink_before_it_skips_rows(
    settings, environment, tmp_path
):
    await work_on(settings)
    with ApicurioRegistry() as other:
        given = environment(settings.kafka) | {"ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL": other.url}
        done = oncofhir(given, "sink", "--once", "--duckdb", str(tmp_path / "w.duckdb"))
    assert done.returncode == 2
    assert f"{other.url} has no schema" in done.stderr


async def test_rows_of_an_older_schema_land_with_the_defaults_of_what_it_lacks(
    settings, environment, registry, tmp_path
):
    client = SchemaRegistry(registry.url)
    topic = settings.kafka.phenotype_topic
    newer = published(Contract.PHENOTYPE, Format.AVRO)
    since = {"review_status", "reviewer", "reviewed_at", "machine_asserted"}
    older = newer | {"fields": [f for f in newer["fields"] if f["name"] not in since]}
    client.register(subject_of(topic), older, "AVRO")
    assert client.is_compatible(subject_of(topic), newer, "AVRO")
    await work_on(settings)  # registers its own as the second version
    await publish_older(settings, registry, older)
    done = oncofhir(
        environment(settings.kafka), "sink", "--once", "--duckdb", str(tmp_path / "w.duckdb")
    )
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(tmp_path / "w.duckdb")) as found:
        rows = found.execute(
            "SELECT finding, review_status, reviewed_at, machine_asserted FROM phenotypes "
            "WHERE finding = 'older'"
        ).fetchall()
        assert rows == [("older", "unreviewed", None, True)]
        assert found.execute("SELECT count(*) FROM phenotypes").fetchall() == [(4,)]


async def publish_older(settings, registry, older):
    """Publish a row with the older schema, by Confluent's serializer."""
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry.avro import AvroSerializer

    from oncofhir.contracts.avro_codec import avro_record
    from oncofhir.contracts.examples import phenotype_row

    topic = settings.kafka.phenotype_topic
    record = avro_record(phenotype_row().model_copy(update={"finding": "older"}))
    named = {field["name"] for field in older["fields"]}
    with SchemaRegistryClient({"url": registry.url}) as client:
        writer = AvroSerializer(client, json.dumps(older), conf={"auto.register.schemas": False})
        value = writer(
            {name: item for name, item in record.items() if name in named},
            SerializationContext(topic, MessageField.VALUE),
        )
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    producer.produce(topic, value, b"older", headers=[("oncofhir-schema", b"phenotype/1")])
    producer.flush()


async def test_a_schema_that_the_registry_refuses_halts_the_worker_with_the_remedy(
    settings, registry
):
    topic = settings.kafka.phenotype_topic
    other = {
        "type": "record",
        "name": "PhenotypeRow",
        "namespace": "oncofhir",
        "fields": [{"name": "revision", "type": "string"}],
    }
    SchemaRegistry(registry.url).register(subject_of(topic), other, "AVRO")
    with SchemaRegistryClient({"url": registry.url}) as client:
        client.set_compatibility(subject_of(topic), "BACKWARD")
    with pytest.raises(UnsuitableServer) as raised:
        await Worker(settings, InstantProcessor()).run()
    assert raised.value.reason is Reason.REGISTRY_UNSUITABLE
    assert "incompatible" in str(raised.value)


async def test_check_and_register_speak_with_a_real_registry(settings, environment, registry):
    given = environment(settings.kafka)
    for command in ("check", "register", "register", "check"):
        done = oncofhir(given, "schemas", command)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["subject"] for line in lines] == [
            subject_of(settings.kafka.phenotype_topic),
            subject_of(settings.kafka.outcome_topic),
        ]
    client = schema_registry(settings.kafka)
    schema_id = client.find(
        subject_of(settings.kafka.outcome_topic), published(Contract.OUTCOME, Format.AVRO), "AVRO"
    ).schema_id
    found = fastavro.parse_schema(client.schema(schema_id))
    assert found["name"] == "oncofhir.OutcomeRow"
    assert client.schema(987654) is None
