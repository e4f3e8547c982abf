"""Reports of one document that come at once, such as equal texts in a Bundle, ask the model once."""

import asyncio
import json

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.settings import FhirSettings, ModelSettings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, pathology_report
from tests.integration.consumers.worker_harness import message, publish, read_all, settings_for
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.scenarios.test_nonsense import whole_worker
from tests.waiting import until

pytestmark = pytest.mark.anyio
_REPORTS = 6


async def test_the_model_is_asked_once_for_one_text_in_many_resources():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        url = f"{fhir.base_url}/Patient/p1"
        httpx2.put(url, json=PATIENT, trust_env=False).raise_for_status()
        settings = settings_for(broker.address).model_copy(
            update={
                "fhir": FhirSettings(base_url=fhir.base_url),
                "model": ModelSettings(url=model.url),
            }
        )
        ensure_topics(settings.kafka, partitions=1)

        def outcomes():
            return [json.loads(r.value) for r in read_all(settings, settings.kafka.outcome_topic)]

        async with whole_worker(settings):
            other = BREAST.replace("2.3", "3.1")
            await publish(settings, [message(settings, pathology_report("alone", other))])
            await until(lambda: len(outcomes()) == 1)
            questions = model.control()["requests"]
            assert questions > 3
            # not equal to the letter: each was issued at another time, and all are of one document
            entries = [
                {
                    "resource": pathology_report(f"r{n}", BREAST)
                    | {"issued": f"2026-11-2{n}T10:00:00Z"}
                }
                for n in range(_REPORTS)
            ]
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
            await publish(settings, [message(settings, json.dumps(bundle).encode())])
            await until(lambda: len(outcomes()) == 1 + _REPORTS)
            await asyncio.sleep(0.2)
            asked = model.control()["requests"] - questions
            statuses = sorted(row["status"] for row in outcomes())
    assert asked == questions
    assert statuses.count("found") == 2
    assert len(set(statuses)) == 2
