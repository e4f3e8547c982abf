"""A document that replaces another: the earlier one's findings no longer count, whatever its own event says."""

import asyncio
import base64
import json

import pytest

from oncofhir.consumers import composition
from oncofhir.consumers.envelope import decode
from oncofhir.consumers.pipeline import Pipeline
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.fhir.attachments.reader import parse_here
from oncofhir.fhir.reading import SourceReader
from oncofhir.inference.replicas import Queue
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.settings import FhirCredentials, FhirSettings, ModelSettings, Settings
from oncofhir.testing.scripted_model import ScriptedModel

SCRIPT = [{"contains": ["tumor size"], "answer": "2.3 cm"}]


@pytest.fixture(scope="module")
def process():
    with EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        settings = Settings(
            fhir=FhirSettings(base_url=fhir.base_url), model=ModelSettings(url=model.url)
        )

        def processed(*resources):
            async def run():
                store = composition.fhir_client(settings.fhir, fhir.base_url, FhirCredentials())
                answers = composition.answerer(settings.model)
                way = Pipeline(
                    reader=composition.report_reader(settings, parse_here),
                    source=SourceReader(store),
                    store=store,
                    repository=composition.repository(settings, store),
                    extractor=composition.extractor(settings.model, answers),
                    model_queue=lambda: Queue(0, 0, 0),
                    settings_sha256="settings",
                    prompt_text="prompts",
                    software_version="0.0.0",
                )
                try:
                    await way.ready()
                    events = [decode(json.dumps(r).encode(), (), "topic")[0] for r in resources]
                    return [await way.process(event) for event in events]
                finally:
                    await answers.aclose()
                    await store.aclose()

            return asyncio.run(run())

        yield processed


def document(ident, text, status="current", version="1", **more):
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": ident,
        "meta": {"versionId": version},
        "status": status,
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
        **more,
    }


def replacing(ident, text, target):
    relation = {"code": "replaces", "target": {"reference": target}}
    return document(ident, text, relatesTo=[relation])


def test_what_is_replaced_is_outdated_once_and_again(process):
    old = document("old", "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm.")
    new = replacing("new", "AMENDED: Carcinoma, tumor size 2.3 cm, left.", "DocumentReference/old")
    first, second, again = process(old, new, new)
    assert first.outcome.status is OutcomeStatus.FOUND
    assert first.rows
    for processed in (second, again):
        (replaced,) = processed.also
        assert replaced.outcome.status is OutcomeStatus.OUTDATED
        assert replaced.outcome.reason == "superseded"
        assert replaced.outcome.source == "DocumentReference/old"
        assert {row.status for row in replaced.rows} == {RowStatus.OUTDATED}
        assert processed.outcome.source == "DocumentReference/new"
        assert {row.status for row in processed.rows} == {RowStatus.CURRENT}
    (late,) = process(old)
    assert late.outcome.status is OutcomeStatus.STALE, "its own older event changes nothing"


def test_its_own_superseded_event_says_the_same(process):
    old = document("gone", "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm, right.")
    first, second = process(old, {**old, "status": "superseded", "meta": {"versionId": "2"}})
    assert first.outcome.status is OutcomeStatus.FOUND
    assert (second.outcome.status, second.outcome.reason) == (OutcomeStatus.OUTDATED, "superseded")


def test_what_was_never_read_or_is_elsewhere_is_left_alone(process):
    for number, target in enumerate(
        (
            "DocumentReference/never-read",
            "https://other.example.org/fhir/DocumentReference/old",
            "Composition/1",
            "urn:uuid:1",
            "DocumentReference/self-2",
        )
    ):
        ident = f"self-{number}" if "self" in target else f"alone-{number}"
        (processed,) = process(replacing(ident, f"Carcinoma {number}, tumor size 2.3 cm", target))
        assert processed.also == ()
