"""`oncofhir erase` against a real FHIR server, a real broker and real landed tables."""

import asyncio
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import duckdb
import pytest
from deltalake import DeltaTable

from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.row_messages import own_headers, processed_messages
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings
from tests.builders import CANARY
from tests.command import run_here
from tests.integration.fhir.document_store import SYSTEM, Bench, run
from tests.integration.fhir.limited_server import lesser_server
from tests.topic_records import records_of
from tests.waiting import PATIENCE_SECONDS

TYPES = ("Observation", "Condition", "Specimen", "Task")
SYSTEMS = IdentifierSystems(prefix=SYSTEM)


@pytest.fixture(scope="module")
def kafka():
    with EmbeddedBroker() as broker:
        settings = KafkaSettings(bootstrap_servers=broker.address)
        ensure_topics(settings, partitions=2)
        yield settings


def erase(base_url, *arguments, kafka=None, status=0, says="", **settings):
    base = {
        "FHIR__BASE_URL": base_url,
        "FHIR__IDENTIFIER_SYSTEM": SYSTEM,
        "FHIR__SOURCE_NAME": "test",
    }
    if kafka is not None:
        base["KAFKA__BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
    environment = {f"ONCOFHIR_{name}": value for name, value in (base | settings).items()}
    ran = run_here("erase", *arguments, environment=environment)
    assert ran.returncode == status, ran.stderr.decode()
    output = ran.stdout + ran.stderr
    assert b"Traceback" not in output
    assert says in ran.stderr.decode()
    for secret in (CANARY, "repo-", "invasive"):
        assert secret.encode() not in output
    return json.loads(ran.stdout) if ran.stdout else None


def story(server, test, *, patients=2, behind=None):
    """Tell `test` with benches of their own patients, whose documents are stored."""

    async def told():
        benches = [Bench(server.base_url, behind=behind) for _ in range(patients)]
        try:
            for bench in benches:
                await bench.prepare()
                bench.processed = await bench.store()
            return await test(*benches)
        finally:
            for bench in benches:
                await bench.aclose()

    return run(told())


async def ours(bench):
    """The references of what this service wrote about the patient, found by search alone."""
    found = []
    for kind in TYPES:
        async for page in search_pages(bench.itself, kind, {"subject": f"Patient/{bench.ident}"}):
            found += [
                f"{kind}/{resource['id']}"
                for resource in page
                if any(
                    i.get("system", "").startswith(SYSTEM) for i in resource.get("identifier", [])
                )
            ]
    return sorted(found)


async def provenance(bench, reference):
    return await bench.itself.search("Provenance", {"target": reference})


async def publish(kafka, *messages):
    async with Publisher(kafka) as publisher:
        await publisher.publish(messages)


def last_of_each_key(kafka, topic):
    return {record.key: record.value for record in records_of(kafka.bootstrap_servers, topic)}


def sink(kafka, *arguments):
    ran = subprocess.run(
        [sys.executable, "-m", "oncofhir", "sink", "--once", *arguments],
        env=os.environ | {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.scenario
def test_one_patient_is_erased_everywhere_and_another_stays(fhir_server, kafka, tmp_path):
    file, lake, later = tmp_path / "w.duckdb", tmp_path / "lake", tmp_path / "later.duckdb"

    async def test(one, other):
        for bench in (one, other):
            await publish(kafka, *processed_messages(bench.processed, kafka, own_headers()))
        for options in (
            ("--duckdb", file, "--omop"),
            ("--delta", lake),
            ("--duckdb", later),
        ):
            await asyncio.to_thread(sink, kafka, *map(str, options))
        for path in (file, *lake.glob("*/*.parquet")):
            assert one.ident.encode() in path.read_bytes(), "else its absence shows nothing"
        before, kept = await ours(one), await ours(other)
        assert len(before) > 10
        grade = (await one.stored())["cancer-grade"]
        await one.itself.update(grade | {"status": "final"})
        arguments = ("--patient", f"Patient/{one.ident}", "--duckdb", file, "--delta", lake)

        planned = erase(fhir_server.base_url, *arguments, "--dry-run", kafka=kafka)
        assert await ours(one) == before
        assert planned["store"]["documents"] == 1
        assert planned["store"]["edited_by_people"] == 1
        findings = len(one.processed.rows)
        assert planned["topics"] == {"phenotypes": findings, "outcomes": 1}
        assert planned["tables"] == {
            "phenotypes": findings,
            "outcomes": 1,
            "omop.person_map": 1,
            "delta.phenotypes": findings,
            "delta.outcomes": 1,
        }

        done = erase(fhir_server.base_url, *arguments, kafka=kafka)
        assert done["complete"] is True
        assert (
            done["store"]["deleted"] == done["store"]["resources"] == planned["store"]["resources"]
        )
        assert await ours(one) == []
        assert await provenance(one, f"Condition/{grade['id']}") == []
        with pytest.raises(UnreadableReport):
            await one.itself.read("Observation", grade["id"])
        assert await ours(other) == kept
        assert await provenance(other, kept[0])

        for topic in (kafka.phenotype_topic, kafka.outcome_topic):
            values = [v for v in last_of_each_key(kafka, topic).values() if v is not None]
            assert not any(b"Patient/" + one.ident.encode() in value for value in values)
            assert any(f"/{other.ident}".encode() in value for value in values)

        again = erase(fhir_server.base_url, *arguments, kafka=kafka)
        assert again["store"]["resources"] == 0
        assert again["topics"] == {"phenotypes": 0, "outcomes": 0}
        assert not any(again["tables"].values())
        return one, other

    one, other = story(fhir_server, test)
    secrets = [f"Patient/{one.ident}", *(row.finding for row in one.processed.rows)]
    for path in (file, *lake.glob("*/*.parquet")):
        assert not [s for s in secrets if s.encode() in path.read_bytes()], path
    sink(kafka, "--duckdb", str(later))  # a sink elsewhere erases by the tombstones
    for path in (file, later):
        with duckdb.connect(str(path)) as connection:
            subjects = connection.execute("SELECT DISTINCT subject FROM phenotypes").fetchall()
            assert (f"Patient/{one.ident}",) not in subjects
            assert (f"Patient/{other.ident}",) in subjects
            documents = connection.execute("SELECT document FROM outcomes").fetchall()
            assert (one.processed.outcome.document,) not in documents
            assert (other.processed.outcome.document,) in documents
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT count(*) FROM omop.note").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM tumors").fetchall()[0][0] > 0
    sink(kafka, "--duckdb", str(file))  # the rewritten file can be landed in
    assert DeltaTable(str(lake / "phenotypes")).to_pyarrow_table().num_rows == len(
        other.processed.rows
    )


def test_dead_letters_of_the_patient_are_listed_and_the_status_says_that_they_are_left(
    fhir_server, kafka
):
    async def test(bench):
        report = json.dumps({"subject": {"reference": f"Patient/{bench.ident}"}, "x": CANARY})
        escaped = report.replace("/", "\\/")
        similar = report.replace(bench.ident, f"{bench.ident}9")
        topic = kafka.dead_letter_topic
        await publish(
            kafka,
            Message(topic, b"a", report.encode()),
            Message(topic, b"b", escaped.encode()),
            Message(topic, f"DiagnosticReport/{bench.ident}".encode(), b"not json"),
            Message(topic, b"c", similar.encode()),
        )
        arguments = ("--patient", f"Patient/{bench.ident}")
        planned = erase(fhir_server.base_url, *arguments, "--dry-run", kafka=kafka)
        assert planned["complete"] is None
        done = erase(fhir_server.base_url, *arguments, kafka=kafka, status=1)
        assert done["complete"] is False
        assert len(done["dead_letters"]) == 3
        assert done["dead_letters"] == planned["dead_letters"]
        again = erase(fhir_server.base_url, *arguments, "--dry-run", kafka=kafka)
        assert len(again["dead_letters"]) >= 2, "found without what the store knew"

    story(fhir_server, test, patients=1)


@pytest.mark.parametrize(
    "name", ["phenotype_topic", "outcome_topic", "dead_letter_topic"], ids=lambda n: n
)
def test_a_topic_that_does_not_exist_is_named_and_passed_over(fhir_server, kafka, name):
    async def test(bench):
        await publish(kafka, *processed_messages(bench.processed, kafka, own_headers()))
        done = erase(
            fhir_server.base_url,
            "--patient",
            f"Patient/{bench.ident}",
            kafka=kafka,
            says=f"the topic nowhere does not exist, so it holds nothing of the patient; if it has another name, "
            f"set ONCOFHIR_KAFKA__{name.upper()}",
            **{f"KAFKA__{name.upper()}": "nowhere"},
        )
        assert done["complete"] is True
        assert done["missing_topics"] == ["nowhere"]
        assert done["dead_letters"] == []
        rows = {"phenotype_topic": len(bench.processed.rows), "outcome_topic": 1}
        found = {"phenotype_topic": "phenotypes", "outcome_topic": "outcomes"}
        for topic, count in rows.items():
            assert done["topics"][found[topic]] == (0 if topic == name else count)
        assert await ours(bench) == []

    story(fhir_server, test, patients=1)


def test_a_report_that_was_retracted_unread_is_found_by_its_name(fhir_server):
    async def test(bench):
        source = SourceReference(type="DiagnosticReport", id=f"gone-{bench.ident}")
        await bench.itself.update(  # HAPI FHIR refuses references to what it does not have
            {
                "resourceType": "DiagnosticReport",
                "id": source.id,
                "status": "cancelled",
                "code": {"text": "a report"},
            }
        )
        version = SourceVersion(version="1")
        await bench.repository.retract(source, version, Reason.CANCELLED, None)
        arguments = ("--patient", f"Patient/{bench.ident}")
        without = erase(fhir_server.base_url, *arguments, "--dry-run")
        named = erase(fhir_server.base_url, *arguments, "--report", str(source), "--dry-run")
        assert named["store"]["documents"] == without["store"]["documents"] + 1
        assert erase(fhir_server.base_url, *arguments, "--report", str(source))["complete"]
        assert await bench.repository.find_head(source) is None

    story(fhir_server, test, patients=1)


def test_a_report_of_another_patient_that_is_named_stays(fhir_server):
    async def test(one, other):
        arguments = (
            "--patient",
            f"Patient/{one.ident}",
            "--report",
            f"DiagnosticReport/{other.ident}",
        )
        done = erase(fhir_server.base_url, *arguments)
        assert done["store"]["documents"] == 1
        assert await ours(other)

    story(fhir_server, test)


@pytest.mark.parametrize("deletes", [True, False], ids=["deletes", "refuses-to-delete"])
def test_a_server_without_transactions(fhir_server, deletes):
    with lesser_server(fhir_server.base_url) as (url, lesser):
        lesser.deletes = deletes

        async def test(bench):
            head = await bench.head()
            done = erase(url, "--patient", f"Patient/{bench.ident}")
            store = done["store"]
            assert done["complete"] is True
            assert store["deleted" if deletes else "emptied"] == store["resources"] > 10
            assert await ours(bench) == []
            if not deletes:
                for reference in (*head.references, f"Task/{head.id}"):
                    left = await bench.itself.read(*reference.split("/"))
                    assert bench.ident not in json.dumps(left)
                    assert "identifier" not in left
                    assert "valueQuantity" not in left
                    assert "entered-in-error" in json.dumps(left) or left["active"] is False
            assert erase(url, "--patient", f"Patient/{bench.ident}")["store"]["resources"] == 0
            # The report is delivered again: it is processed as a new one.
            assert (await bench.store()).rows

        story(SimpleNamespace(base_url=url), test, patients=1, behind=fhir_server.base_url)


def test_an_erasure_that_is_cut_off_goes_on(fhir_server):
    """Killed between two resources: the head is left, and leads to the rest."""
    with lesser_server(fhir_server.base_url) as (url, lesser):

        async def test(bench):
            everything = len(await ours(bench))
            lesser.deletes = False
            head = await bench.head()
            for resource in await provenance(bench, head.references[0]):
                await bench.itself.delete(f"Provenance/{resource['id']}")
            await bench.itself.delete(next(r for r in head.references if r.startswith("Obs")))
            lesser.deletes = True
            assert len(await ours(bench)) == everything - 1
            assert erase(url, "--patient", f"Patient/{bench.ident}")["complete"] is True
            assert await ours(bench) == []

        story(SimpleNamespace(base_url=url), test, patients=1, behind=fhir_server.base_url)


def test_a_server_that_neither_deletes_nor_changes_is_reported(fhir_server):
    with lesser_server(fhir_server.base_url) as (url, lesser):

        async def test(bench):
            lesser.deletes, lesser.rejects = False, b"erased"
            done = erase(url, "--patient", f"Patient/{bench.ident}", status=1)
            assert done["complete"] is False
            assert done["store"]["refused"] > 0
            lesser.deletes, lesser.rejects = True, None
            assert erase(url, "--patient", f"Patient/{bench.ident}")["complete"] is True
            assert await ours(bench) == []

        story(SimpleNamespace(base_url=url), test, patients=1, behind=fhir_server.base_url)


@pytest.mark.parametrize(
    ("arguments", "status", "settings"),
    [
        (("--patient", "123"), 2, {}),
        (("--patient", "Patient/1", "--report", "Patient/2"), 2, {}),
        (("--patient", "Patient/1"), 3, {"FHIR__BASE_URL": "http://127.0.0.1:9/fhir"}),
        (("--patient", "Patient/1"), 3, {"KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"}),
        (("--patient", "Patient/1", "--duckdb", "/none/w.duckdb"), 3, {}),
        (("--patient", "Patient/1", "--delta", "/none"), 3, {}),
    ],
)
def test_exit_statuses(fhir_server, arguments, status, settings):
    assert erase(fhir_server.base_url, *arguments, status=status, **settings) is None
