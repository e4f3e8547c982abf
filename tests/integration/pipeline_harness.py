"""The pipeline on a real FHIR server and a scripted model, event by event, without a broker."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from oncofhir.consumers.composition import pipeline as composition
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.processing.pipeline import Pipeline
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.fhir.intake.attachments.reader import parse_here
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.schemas.event import ReportEvent
from oncofhir.settings import FhirCredentials, FhirSettings, ModelSettings, Settings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import attachment, diagnostic_report, document_reference


class PipelineBench:
    """`process` and `mark_outdated` of a pipeline that is made anew for each call, as after a restart."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def process(self, *resources: dict[str, Any]) -> list[Any]:
        """Deal with resources, one after another."""
        return self._run(resources, lambda way, event: way.process(event))

    def mark_outdated(self, resource: dict[str, Any] | ReportEvent, reason: Any) -> Any:
        """What is left of a resource that is a dead letter."""
        return self._run([resource], lambda way, event: way.mark_outdated(event, reason))[0]

    def _run(self, resources: Any, deal: Callable[[Pipeline, ReportEvent], Any]) -> list[Any]:
        async def run() -> list[Any]:
            settings = self.settings
            store = composition.build_fhir_client(
                settings.fhir, settings.fhir.base_url, FhirCredentials()
            )
            answers = composition.build_answerer(settings.model)
            way = Pipeline(
                reader=composition.build_report_reader(settings, parse_here),
                source=SourceReader(store),
                store=store,
                repository=composition.build_repository(settings, store),
                extractor=composition.build_extractor(settings.model, answers),
                model_queue=lambda: QueueStats(0, 0, 0),
                settings_sha256="settings",
                prompt_text="prompts",
                software_version="0.0.0",
            )
            try:
                await way.check_dependencies()
                events = [_event(resource) for resource in resources]
                return [await deal(way, event) for event in events]
            finally:
                await answers.aclose()
                await store.aclose()

        return asyncio.run(run())


def _event(resource: dict[str, Any] | ReportEvent) -> ReportEvent:
    if isinstance(resource, ReportEvent):
        return resource
    return decode(json.dumps(resource).encode(), (), "topic")[0]


@contextmanager
def pipeline_bench(script: list[dict[str, Any]]) -> Iterator[PipelineBench]:
    """A pipeline on an embedded FHIR server and a scripted model."""
    with EmbeddedFhirServer() as fhir, ScriptedModel(script) as model:
        yield PipelineBench(
            Settings(fhir=FhirSettings(base_url=fhir.base_url), model=ModelSettings(url=model.url))
        )


def document(
    ident: str, text: str, status: str = "current", version: str = "1", **more: Any
) -> dict[str, Any]:
    """A DocumentReference with a text."""
    meta = {"versionId": version}
    return document_reference(ident, attachment(text), status=status, meta=meta, **more)


def report(ident: str, text: str, status: str = "final", version: str = "1") -> dict[str, Any]:
    """A DiagnosticReport with a text."""
    code = {"text": "Surgical pathology report"}
    meta = {"versionId": version}
    return diagnostic_report(ident, attachment(text), status=status, meta=meta, code=code)
