"""`oncofhir retract` against a real FHIR server and a real broker."""

import asyncio
import json

import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.inference.clients.identity import model_identity
from oncofhir.schemas.extraction import Extraction, ModelIdentity
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from tests.builders import BREAST, CANARY
from tests.command import run_here
from tests.integration.fhir.document_store import ANSWERS, PROMPTS, Bench
from tests.topic_records import records_of

SYSTEM = "https://test.example/sid"


class Document(Bench):
    """A document that a model of our choice reads."""

    def __init__(self, base_url, digest):
        super().__init__(base_url)
        self.model = ModelIdentity(name="m", digest=digest, server="test")

    def run_of(self, report):
        return run_of(report, self.model, PROMPTS, "x", "1", "1")

    def extraction(self, report, answers):
        said = super().extraction(report, answers)
        return Extraction(
            model=self.model, prompt_set=PROMPTS, findings=said.findings, rejected=said.rejected
        )


def told(base_url, digests, story):
    """A story of one document a digest, in one event loop."""

    async def run():
        documents = [Document(base_url, digest) for digest in digests]
        try:
            for document in documents:
                await document.prepare()
            return await story(*documents)
        finally:
            for document in documents:
                await document.aclose()

    return asyncio.run(run())


def retract(fhir_server, *arguments, status=0, **settings):
    base = {"FHIR__BASE_URL": fhir_server.base_url, "FHIR__IDENTIFIER_SYSTEM": SYSTEM} | settings
    environment = {f"ONCOFHIR_{name}": value for name, value in base.items()}
    ran = run_here("retract", *arguments, environment=environment)
    assert ran.returncode == status, ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
    assert CANARY.encode() not in ran.stderr + ran.stdout
    return [json.loads(line) for line in ran.stdout.splitlines()]


def ensure_topics(broker):
    settings = {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker}
    assert run_here("topics", "ensure", environment=settings).returncode == 0


async def stored(*documents):
    for document in documents:
        await document.store()


async def edited(document):
    await document.store()
    grade = (await document.stored())["cancer-grade"]
    await document.client.update(grade | {"status": "final"})
    return f"Observation/{grade['id']}"


async def statuses(document):
    return {
        slot: r["verificationStatus"]["coding"][0]["code"]
        if r["resourceType"] == "Condition"
        else r.get("status")
        for slot, r in (await document.stored()).items()
    }


def test_what_one_model_wrote_is_withdrawn_and_nothing_else(fhir_server):
    async def story(one, two, other):
        await stored(one, other)
        kept = await edited(two)
        before = await one.versions()

        assert len(retract(fhir_server, "--model", "sha256:bad", "--dry-run")) == 2
        planned = retract(fhir_server, "--model", "bad", "--dry-run")
        assert [line["status"] for line in planned] == ["would-be-withdrawn"] * 2
        assert await one.versions() == before

        lines = retract(fhir_server, "--model", "bad")
        assert [line["status"] for line in lines] == ["withdrawn"] * 2
        assert sorted(line["withdrawn"] for line in lines) == [10, 11]
        assert [line["human_edited"] for line in lines if line["human_edited"]] == [[kept]]

        assert set((await statuses(one)).values()) == {"entered-in-error"}
        assert (await statuses(two))["cancer-grade"] == "final"
        assert "entered-in-error" not in (await statuses(other)).values()
        head = await one.head()
        assert head.outcome.status is OutcomeStatus.RETRACTED
        assert head.outcome.reason == "model-recalled"
        rows = {row.status for row in (await two.head()).rows}
        assert rows == {RowStatus.WITHDRAWN, RowStatus.HUMAN_EDITED}

        after = await one.versions()
        again = retract(fhir_server, "--model", "bad")
        assert [line["status"] for line in again] == ["already-withdrawn"] * 2
        assert await one.versions() == after

    told(fhir_server.base_url, ("bad", "bad", "good"), story)


def test_another_model_revives_and_the_same_one_does_not(fhir_server):
    async def story(document):
        await document.store()
        retract(fhir_server, "--model", "worse")
        head = await document.head()
        report = await document.report(BREAST)
        run = document.run_of(report)
        assert decide(head, report.source, report_version(report), run.id) is Decision.UNCHANGED
        document.model = document.model.model_copy(update={"digest": "better"})
        await document.repository.ensure_shared_resources(document.run_of(report), "prompts")
        await document.store(answers=ANSWERS)
        assert (await statuses(document))["diagnosis"] == "unconfirmed"
        assert retract(fhir_server, "--model", "worse", status=1) == []

    told(fhir_server.base_url, ("worse",), story)


def test_only_what_was_written_since(fhir_server):
    async def story(document):
        await document.store()
        assert retract(fhir_server, "--model", "old", "--since", "2999-01-01", status=1) == []
        assert len(retract(fhir_server, "--model", "old", "--since", "2020-01-01T00:00:00Z")) == 1

    told(fhir_server.base_url, ("old",), story)


def test_a_prompt_set_of_one_model(fhir_server):
    async def story(document):
        await document.store()
        arguments = ("--model", "prompted", "--prompt-set")
        assert retract(fhir_server, *arguments, "p@2", status=1) == []
        [line] = retract(fhir_server, *arguments, "p@1", "--dry-run")
        assert line["source"].startswith("DiagnosticReport/")

    told(fhir_server.base_url, ("prompted",), story)


def test_the_withdrawn_rows_are_published_where_a_broker_is_configured(fhir_server):
    async def story(document):
        await document.store()
        with EmbeddedBroker() as broker:
            kafka = {"KAFKA__BOOTSTRAP_SERVERS": broker.address}
            ensure_topics(broker.address)
            [line] = retract(fhir_server, "--model", "public", **kafka)
            assert line["published"] == len((await document.head()).rows) > 0
            [again] = retract(fhir_server, "--model", "public", **kafka)
            assert again["status"] == "already-withdrawn"
            assert again["published"] == line["published"], "it may have been cut off before"
            found = records_of(broker.address, "oncology.phenotypes")
        rows = [json.loads(record.value) for record in found]
        assert {row["status"] for row in rows} == {"withdrawn"}
        assert len(rows) == 2 * line["published"]

    told(fhir_server.base_url, ("public",), story)


def test_all_pages_of_a_search_are_read(fhir_server):
    async def story(*documents):
        await stored(*documents)
        client = FhirClient(fhir_server.base_url)
        wanted = {"identifier": f"{SYSTEM}/head-model|paged", "_count": "2"}
        pages = [page async for page in search_pages(client, "Task", wanted)]
        await client.aclose()
        assert len({task["id"] for page in pages for task in page}) == 5
        assert max(len(page) for page in pages) <= 2

    told(fhir_server.base_url, ("paged",) * 5, story)


@pytest.mark.parametrize(
    ("arguments", "status", "settings"),
    [
        ((), 2, {}),
        (("--prompt-set", "no-version"), 2, {}),
        (("--model", "x", "--since", "yesterday"), 2, {}),
        (("--model", "x"), 2, {"FHIR__WRITE": "shadow"}),
        (("--model", "x"), 3, {"FHIR__BASE_URL": "http://127.0.0.1:9/fhir"}),
        (("--model", "nobody"), 1, {}),
    ],
)
def test_exit_statuses(fhir_server, arguments, status, settings):
    assert retract(fhir_server, *arguments, status=status, **settings) == []


@pytest.mark.parametrize("model", ["unknown", "/weights", "./weights"])
def test_what_identifies_no_weights_withdraws_nothing(fhir_server, model):
    """0.1.0 wrote them for every server without a digest."""

    async def story(document):
        await stored(document)
        assert retract(fhir_server, "--model", model, "--dry-run", status=2) == []

    told(fhir_server.base_url, [model], story)


@pytest.mark.parametrize(
    ("served", "key"),
    [
        (("sha-of-hub", "0f" * 20), "0f" * 20),  # TGI with a model of the Hub
        (("named@sha256-" + "ab" * 32, None), "ab" * 32),  # vLLM as the chart starts it
        (("/weights/nameless", None), "undetermined:nameless"),  # nothing says which weights
    ],
)
def test_each_kind_of_identity_is_withdrawn_by_its_key_alone(fhir_server, served, key):
    identity = model_identity(*served, server="test")
    assert identity.digest == key

    async def story(document, other):
        await stored(document, other)
        planned = retract(fhir_server, "--model", key, "--dry-run")
        assert len(planned) == 1
        assert planned[0]["withdrawn"] > 0

    told(fhir_server.base_url, [identity.digest, "cd" * 32], story)
