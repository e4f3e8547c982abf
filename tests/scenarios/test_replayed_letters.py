"""A dead letter that is replayed after a newer version was processed changes nothing in the store."""

import base64
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import httpx2

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo, Record
from oncofhir.settings import KafkaSettings, Settings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, pathology_report
from tests.integration.consumers.worker_harness import read_all
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.waiting import PATIENCE_SECONDS, wait_until


def record(version: int, **more: object) -> Record:
    made = pathology_report("late-1", BREAST) | {"meta": {"versionId": str(version)}} | more
    return Record(raw=json.dumps(made).encode(), resource=made)


def outcomes(settings: Settings) -> list[tuple[str, str]]:
    """Version and status of each outcome row, sorted: rows of one report may lie in two partitions."""
    rows = [json.loads(r.value) for r in read_all(settings, settings.kafka.outcome_topic)]
    return sorted((row["source_version"], row["status"]) for row in rows)


def test_a_replayed_older_version_is_stale():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        settings = Settings(kafka=KafkaSettings(bootstrap_servers=broker.address))
        with Demo(stack, lambda _: None) as demo:
            form = {"contentType": "text/plain", "url": "Binary/late"}
            demo.run([record(1, presentedForm=[form]), record(2)], [PATIENT])
            assert outcomes(settings) == [("1", "dead-lettered"), ("2", "found")]

            text = BREAST.replace("left", "right").encode()
            put = httpx2.put(
                f"{fhir.base_url}/Binary/late",
                json=binary(text),
                headers={"content-type": "application/fhir+json"},
                trust_env=False,
            )
            assert put.is_success
            ran = subprocess.run(
                [sys.executable, "-m", "oncofhir", "dead-letters", "replay"],
                env=os.environ | environment,
                capture_output=True,
                check=True,
                timeout=PATIENCE_SECONDS,
            )
            assert json.loads(ran.stdout)["verdict"] == "replay"
            wait_until(lambda: len(outcomes(settings)) >= 3)
            assert outcomes(settings) == [
                ("1", "dead-lettered"),
                ("1", "older-version-ignored"),
                ("2", "found"),
            ]


def binary(content: bytes) -> dict[str, str]:
    data = base64.b64encode(content).decode()
    return {"resourceType": "Binary", "id": "late", "contentType": "text/plain", "data": data}
