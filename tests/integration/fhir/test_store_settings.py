"""The settings of the store, as the service puts them together."""

import asyncio
import base64

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.consumers.composition import pipeline as composition
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.errors import RequestRejected, UnsuitableServer
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import FhirSettings, ModelSettings, Settings, SettingsError
from tests.builders import BREAST
from tests.integration.fhir.document_store import SYSTEM, Bench, run
from tests.integration.fhir.interrupted_writes import tasks_of
from tests.serving import served


def stored_as(fhir_server, then, **settings):
    """Store a report with these settings; `then` looks at it."""
    fhir = FhirSettings(
        base_url=fhir_server.base_url, source_name="test", identifier_system=SYSTEM, **settings
    )

    async def told():
        bench = Bench(fhir_server.base_url)
        try:
            await bench.prepare()
            repository = composition.build_repository(Settings(fhir=fhir), bench.client)
            await then(bench, await bench.store(repository=repository))
        finally:
            await bench.aclose()

    run(told())


def test_transactions_can_be_forced_off(fhir_server):
    async def look(bench, _):
        (task,) = await tasks_of(bench)
        versions = await bench.client.history(f"Task/{task['id']}")
        states = [version["status"] for version in versions]
        assert states == ["completed", "in-progress", "in-progress"], "reserved, announced, closed"

    stored_as(fhir_server, look, transactions="never")


def test_with_transactions_nothing_is_announced(fhir_server):
    async def look(bench, _):
        (task,) = await tasks_of(bench)
        versions = await bench.client.history(f"Task/{task['id']}")
        assert [version["status"] for version in versions] == ["completed", "in-progress"]

    stored_as(fhir_server, look)


def test_references_are_written_as_the_setting_says(fhir_server):
    async def look(bench, processed):
        subjects = {str(resource["subject"]) for resource in (await bench.stored()).values()}
        address = f"https://ehr.example/fhir/Patient/{bench.ident}"
        identifier = {"system": "urn:ietf:rfc:3986", "value": address}
        assert subjects == {str({"type": "Patient", "identifier": identifier})}
        assert {row.subject for row in processed.rows} == {f"Patient/{bench.ident}"}

    source = "https://ehr.example/fhir"
    stored_as(fhir_server, look, references="identifier", source_base_url=source)


def test_provenance_names_the_models_card_where_there_is_one(fhir_server, tmp_path):
    """AI Transparency IG, AI-Provenance: `entity` modelCard of role derivation, an AI-ModelCard."""
    (tmp_path / "card.md").write_text("# CancerLLM\n\nNot for clinical use.\n")

    async def told():
        bench = Bench(fhir_server.base_url)
        try:
            await bench.prepare()
            fhir = FhirSettings(
                base_url=fhir_server.base_url, source_name="test", identifier_system=SYSTEM
            )
            settings = Settings(fhir=fhir, model=ModelSettings(card_file=tmp_path / "card.md"))
            repository = composition.build_repository(settings, bench.client)
            run_of = bench.run_of(await bench.report(BREAST))
            await repository.ensure_shared_resources(run_of, "prompts")
            await bench.store(repository=repository)
            grade = (await bench.head()).resources["cancer-grade"].reference
            (said,) = await bench.client.search("Provenance", {"target": grade})
            roles = [entity["role"] for entity in said["entity"]]
            assert roles == ["source", "derivation", "derivation"]
            named = [entity["what"]["reference"] for entity in said["entity"][1:]]
            prompts, card = [await bench.client.read(*name.split("/")) for name in named]
            assert prompts["type"]["coding"][0]["code"] == "AIInputPrompt"
            assert card["type"]["coding"][0]["code"] == "AIModelCard"
            text = base64.b64decode(card["content"][0]["attachment"]["data"]).decode()
            assert text.startswith("# CancerLLM")
        finally:
            await bench.aclose()

    run(told())


def test_a_card_that_cannot_be_read_is_told_with_its_setting(tmp_path):
    settings = Settings(model=ModelSettings(card_file=tmp_path / "none.md"))
    with pytest.raises(SettingsError, match=r"CARD_FILE: .*none\.md: No such file"):
        composition.build_repository(settings, FhirClient("http://127.0.0.1:9/fhir"))


def test_a_limit_of_entries_is_kept(fhir_server):
    with pytest.raises(RequestRejected) as caught:
        stored_as(fhir_server, None, max_transaction_entries=12)
    assert caught.value.reason is Reason.STORE_TOO_LARGE


def test_a_store_of_another_fhir_version_is_not_written_to():
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}
    routes = [
        Route("/health", lambda _: Response()),
        Route("/metadata", lambda _: JSONResponse(statement)),
        Route("/Task", lambda _: JSONResponse({"resourceType": "Bundle"})),
    ]

    async def store(url):
        bench = Bench(url)
        report = await bench.report(BREAST)
        client = FhirClient(url)
        repository = composition.build_repository(Settings(), client)
        try:
            extraction = bench.extraction(report, {})
            await repository.store(report, bench.run_of(report), extraction, None)
        finally:
            await client.aclose()
            await bench.aclose()

    with served(Starlette(routes=routes)) as url:
        with pytest.raises(UnsuitableServer, match=r"R4") as caught:
            asyncio.run(store(url))
        assert caught.value.reason is Reason.STORE_FHIR_VERSION
