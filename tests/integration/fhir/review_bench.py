"""One document under review at a real FHIR server and a real broker, so that each test reads as a story."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.fhir.rest.system_authorities import system_authorities
from oncofhir.review.composition import open_review
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import PageRequest, Reviewer, WorklistFilter
from oncofhir.settings import FhirSettings, Settings, WorklistSettings
from tests.builders import BREAST, pathology_report
from tests.hapi_fhir.server import HapiFhirServer
from tests.integration.consumers.worker_harness import settings_for
from tests.integration.fhir.document_store import SYSTEM, Bench, run

GREY = Reviewer(display="Dr Grey", reference="Practitioner/grey")
WEBER = Reviewer(display="Dr Weber", identifier=("https://idp.example.org", "weber"))
EVERYTHING = WorklistFilter(review=tuple(ReviewStatus))


class ReviewBench(Bench):
    """A document, its report at the source, the review of both, and the phenotype topic."""

    def __init__(self, base_url, broker, folder, **more):
        super().__init__(base_url, **more)
        kafka = settings_for(broker.address).kafka
        ensure_topics(kafka, partitions=1)
        self.settings = Settings(
            kafka=kafka,
            fhir=FhirSettings(
                base_url=base_url,
                source_name="test",
                identifier_system=SYSTEM,
                organization="test",
                transactions="never" if self.one_by_one else "auto",
            ),
            worklist=WorklistSettings(index_file=folder / "index.sqlite"),
        )
        self.http = httpx2.Client(trust_env=False, timeout=60, verify=system_authorities())
        self.keeps_labels = False

    async def prepare(self):
        await super().prepare()
        for ident in ("grey", "weber"):
            await self.itself.update({"resourceType": "Practitioner", "id": ident})
        await self.show(BREAST)

    async def show(self, text, **more):
        """Put the report into the source."""
        resource = pathology_report(self.ident, text, patient=self.ident) | more
        await self.itself.update({k: v for k, v in resource.items() if k != "meta"})

    @asynccontextmanager
    async def review(self):
        """The review of the document, after one pass."""
        async with open_review(self.settings) as opened:
            self.opened = opened
            self.watcher, self.page, self.index = opened.watcher, opened.store, opened.index
            await self.watcher.run_once()
            yield

    async def decide(self, verdict, by=GREY, version=None):
        return await self.page.decide(verdict, by, version)

    async def item(self, kind, slot=None, *, added=False):
        for item in (await self.items()).items:
            if (item.kind, item.slot, item.added) == (kind, slot, added):
                return item
        return None

    async def items(self, wanted=None):
        ident = (await self.head()).document
        wanted = wanted or EVERYTHING
        return await self.page.worklist(
            wanted.model_copy(update={"document": ident}), PageRequest(limit=100)
        )

    def get(self, reference):
        """A resource as another client sees it."""
        return self.http.get(
            f"{self.base_url}/{reference}", headers={"cache-control": "no-cache"}
        ).json()

    def put(self, resource):
        """What another client does."""
        reference = f"{resource['resourceType']}/{resource['id']}"
        answer = self.http.put(f"{self.base_url}/{reference}", json=resource)
        assert answer.status_code == 200, answer.text

    def delete(self, reference):
        """What another client does. HAPI FHIR refuses by default while Provenance refers to the resource."""
        answer = self.http.delete(f"{self.base_url}/{reference}")
        if answer.status_code == 409:
            pytest.skip("the server deletes nothing that Provenance refers to")
        assert answer.status_code < 300, answer.text

    def provenances(self, reference):
        found = self.http.get(
            f"{self.base_url}/Provenance",
            params={"target": reference, "_count": "50"},
            headers={"cache-control": "no-cache"},
        ).json()
        return [entry["resource"] for entry in found.get("entry", ())]

    def rows(self):
        """The document's rows on the topic, in their order; other tests have edited documents of theirs."""
        with bounded_reader(self.settings.kafka) as reader:
            records = reader.read_to_end(self.settings.kafka.phenotype_topic, None)
            rows = [PhenotypeRow.model_validate_json(record.value) for record in records]
            return [row for row in rows if self.ident in row.source]

    async def aclose(self):
        self.http.close()
        await super().aclose()


def reviewed(test):
    """Run an async test with a document that is stored and under review."""

    def wrapped(fhir_server, broker, tmp_path):
        tell_review(test, fhir_server, broker, tmp_path)

    wrapped.__name__ = test.__name__
    return wrapped


def tell_review(test, fhir_server, broker, folder, **more):
    async def told():
        bench = ReviewBench(fhir_server.base_url, broker, folder, **more)
        bench.keeps_labels = isinstance(fhir_server, HapiFhirServer)
        try:
            await bench.prepare()
            await bench.store()
            async with bench.review():
                await test(bench)
        finally:
            await bench.aclose()

    run(told())
