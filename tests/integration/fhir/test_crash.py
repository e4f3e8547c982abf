"""A worker that is killed between the store and the topics: redelivery tells what the store has, and no more."""

import asyncio
import json
from dataclasses import dataclass

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from oncofhir.settings import Settings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, pathology_report
from tests.chaos.parts import Proxy, Workers
from tests.chaos.store import FhirStore
from tests.integration.consumers.worker_harness import (
    committed,
    message,
    publish,
    read_all,
    settings_for,
)
from tests.integration.fhir.document_store import shell
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.waiting import wait_until

HANG_SECONDS = 60.0
WRITTEN = ("Condition", "Observation", "Provenance", "DocumentReference", "Task")
IDENT = "crash-1"


@dataclass
class Parts:
    settings: Settings
    base_url: str
    store: FhirStore
    proxy: Proxy
    model: ScriptedModel
    workers: Workers

    def stored(self) -> dict[str, str]:
        """Reference → version of what the store holds of the report."""
        return {
            f"{kind}/{resource['id']}": resource["meta"]["versionId"]
            for kind in WRITTEN
            for resource in self.store.all_of(kind)
            if f"/{IDENT}" in json.dumps(resource)
        }

    def tell(self, **what: object) -> dict[str, int]:
        answer = httpx2.post(
            f"http://127.0.0.1:{self.proxy.port}/_proxy", json=what, trust_env=False
        )
        return answer.raise_for_status().json()

    def rows(self, topic: str) -> list[bytes]:
        return [record.value for record in read_all(self.settings, topic)]


@pytest.fixture
def parts(fhir_server, tmp_path):
    with (
        EmbeddedBroker() as broker,
        Proxy(fhir_server.base_url, share=0.0, hang_seconds=HANG_SECONDS, seed=1) as proxy,
        ScriptedModel(SCRIPT) as model,
    ):
        settings = settings_for(broker.address)
        ensure_topics(settings.kafka, partitions=1)
        workers = Workers(environment_of(settings, proxy, model), tmp_path, "crash-test")
        store = FhirStore(fhir_server.base_url)
        try:
            yield Parts(settings, fhir_server.base_url, store, proxy, model, workers)
        finally:
            store.close()
            for slot in workers.slots:
                workers.stop(slot)


def environment_of(settings: Settings, proxy: Proxy, model: ScriptedModel) -> dict[str, str]:
    kafka = settings.kafka.model_dump(include=set(KAFKA))
    given = {f"ONCOFHIR_KAFKA__{name.upper()}": str(value) for name, value in kafka.items()}
    return given | {
        "ONCOFHIR_FHIR__BASE_URL": proxy.base_url,
        "ONCOFHIR_FHIR__TIMEOUT_SECONDS": str(HANG_SECONDS),
        "ONCOFHIR_MODEL__URL": model.url,
        "ONCOFHIR_HTTP__HOST": "127.0.0.1",
    }


KAFKA = (
    *("bootstrap_servers", "group_id", "session_timeout_ms"),
    *("diagnostic_report_topic", "document_reference_topic"),
    *("phenotype_topic", "outcome_topic", "dead_letter_topic"),
)


def put(base_url, resource):
    url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
    httpx2.put(url, json=resource, trust_env=False).raise_for_status()


@pytest.mark.scenario
def test_a_crash_between_store_and_topic_is_healed_by_the_redelivery(parts):
    kafka = parts.settings.kafka
    put(parts.base_url, PATIENT | {"id": IDENT})
    put(parts.base_url, shell("DiagnosticReport", IDENT))
    parts.workers.start(0)
    parts.workers.wait_until_started(0)

    # The first transaction reserves the head, a batch reads; the answer to the next never comes.
    parts.tell(method="POST", path="/fhir", next=[None, None, "late-hang"])
    report = pathology_report(IDENT, BREAST, patient=IDENT)
    asyncio.run(publish(parts.settings, [message(parts.settings, report)]))
    wait_until(lambda: any(ref.startswith("Provenance/") for ref in parts.stored()))
    before, asked = parts.stored(), parts.model.control()["requests"]
    assert parts.rows(kafka.outcome_topic) == parts.rows(kafka.phenotype_topic) == []

    parts.workers.kill(0)

    wait_until(lambda: parts.rows(kafka.outcome_topic))
    wait_until(lambda: committed(parts.settings) == 1)
    assert parts.workers.stop(0) == 0
    assert parts.stored() == before, "nothing is written twice"
    assert parts.model.control()["requests"] == asked, "and the model is asked nothing"
    (outcome,) = map(OutcomeRow.model_validate_json, parts.rows(kafka.outcome_topic))
    rows = [PhenotypeRow.model_validate_json(row) for row in parts.rows(kafka.phenotype_topic)]
    assert outcome.findings == len(rows) == 12
    written = {ref for ref in before if ref.startswith(("Condition/", "Observation/"))}
    assert {row.resource for row in rows} == written
    assert not parts.rows(kafka.dead_letter_topic)
