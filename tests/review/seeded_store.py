"""The demo's findings in any FHIR server, without broker and model: rules answer in the model's place."""

import asyncio
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oncofhir.consumers.composition import pipeline as composition
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.processing.pipeline import Pipeline
from oncofhir.demo.reports import demo_patients, demo_reports
from oncofhir.fhir.intake.attachments.reader import parse_here
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.settings import FhirCredentials, FhirSettings, Settings

IDENTIFIER_SYSTEM = "https://oncofhir.example.org/demo"


def settings_for(base_url: str) -> Settings:
    fhir = FhirSettings(
        base_url=base_url, staging_system="ajcc-8", identifier_system=IDENTIFIER_SYSTEM
    )
    return Settings(fhir=fhir)


def seed_demo(base_url: str) -> None:
    """The demo's patients, reports and what rules find in them."""
    seed(base_url, [*demo_patients(), *(r.fhir() for r in demo_reports() if r.version == "1")])


def seed(base_url: str, resources: Iterable[dict[str, Any]]) -> None:
    """Write resources to the server, and have its reports processed."""
    # Not in this thread: Playwright's loop runs here.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _seed(base_url, list(resources))).result()


async def _seed(base_url: str, resources: list[dict[str, Any]]) -> None:
    settings = settings_for(base_url)
    store = composition.build_fhir_client(settings.fhir, base_url, FhirCredentials())
    way = Pipeline(
        reader=composition.build_report_reader(settings, parse_here),
        source=SourceReader(store),
        store=store,
        repository=composition.build_repository(settings, store),
        extractor=Extractor(Rules()),
        model_queue=lambda: QueueStats(0, 0, 0),
        settings_sha256="settings",
        prompt_text="prompts",
        software_version="0.0.0",
    )
    try:
        await way.check_dependencies()
        for resource in resources:
            await _put(store, resource)
            if resource["resourceType"] != "Patient":
                for event in decode(json.dumps(resource).encode(), (), "topic"):
                    await way.process(event)
    finally:
        await store.aclose()


async def _put(store: FhirClient, resource: dict[str, Any]) -> None:
    await store.update({k: v for k, v in resource.items() if k != "meta"})
