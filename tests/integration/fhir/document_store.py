"""One document at a real FHIR server, so that each test reads as a story."""

import asyncio
import itertools

import pytest

from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.repository import Repository
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.errors import StoreConflict
from oncofhir.schemas.extraction import Answer, Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.identity import run_of
from tests.builders import BREAST, pathology_report

SYSTEM = "https://test.example/sid"
MODEL = ModelIdentity(name="m", digest="d", server="test")
PROMPTS = PromptSetIdentity(name="p", version="1", sha256="s")
ANSWERS = {
    "tumor size": "2.3 x 1.8 x 1.5 cm",
    "tumor site": "breast",
    "tumor laterality": "left",
    "histological type": "invasive ductal carcinoma",
    "cancer grade": "2",
    "cancer stage": "pT2 pN1a, stage IIB",
    "hormone receptor status": "ER positive, PR negative, HER2 negative",
    "diagnosis": "breast cancer",
}
_idents = (f"repo-{n}" for n in itertools.count())


def run(coroutine):
    return asyncio.run(coroutine)


def shell(kind: str, ident: str) -> dict:
    """A source resource as far as a store needs it that checks references."""
    common = {"resourceType": kind, "id": ident, "subject": {"reference": f"Patient/{ident}"}}
    if kind == "DocumentReference":
        return common | {"status": "current", "content": [{"attachment": {"title": "a report"}}]}
    return common | {"status": "final", "code": {"text": "a report"}}


class Bench:
    """One document in one event loop, so that each test reads as a story."""

    def __init__(
        self, base_url: str, *, one_by_one: bool = False, behind: str | None = None
    ) -> None:
        """`behind` is the server itself, where the one at `base_url` can do less."""
        self.client = FhirClient(base_url)
        self.itself = FhirClient(behind or base_url)
        self.base_url = base_url
        self.one_by_one = one_by_one
        self.ident = next(_idents)
        self.repository = self.new_repository(self.client)

    def new_repository(
        self,
        client: FhirClient,
        *,
        shadow: bool = False,
        strategy: Strategy | None = None,
        sources: SourceReferences = SAME,
    ) -> Repository:
        return Repository(
            client,
            source_name="test",
            identifier_system=SYSTEM,
            organization="test",
            software_version="1",
            shadow=shadow,
            sources=sources,
            strategy=strategy,
            transactions=not self.one_by_one,
        )

    async def prepare(self) -> None:
        """What is in a store before a report comes: the patient, the report, what runs refer to."""
        await self.itself.update({"resourceType": "Patient", "id": self.ident})
        await self.client.fetch_capability()
        for kind in ("DiagnosticReport", "DocumentReference"):
            await self.itself.update(shell(kind, self.ident))
        report = await self.report(BREAST)
        await self.repository.ensure_shared_resources(self.run_of(report), "prompts")

    async def aclose(self) -> None:
        await self.client.aclose()
        await self.itself.aclose()

    async def report(self, text: str, version: str = "1", ident: str | None = None):
        resource = pathology_report(ident or self.ident, text, version=version, patient=self.ident)
        return await read_report(resource, Companions(()), IntakeLimits())

    def extraction(self, report, answers):
        given = tuple(
            Answer(question=q, text=a, finish_reason="eos_token") for q, a in answers.items()
        )
        findings, rejected = interpret(report, given)
        return Extraction(model=MODEL, prompt_set=PROMPTS, findings=findings, rejected=rejected)

    def run_of(self, report):
        return run_of(report, MODEL, PROMPTS, "x", "1", "1")

    async def store(self, text: str = BREAST, version: str = "1", answers=None, repository=None):
        repository = repository or self.repository
        report = await self.report(text, version)
        head = await repository.find_head(report.source, report)
        extraction = self.extraction(report, ANSWERS if answers is None else answers)
        return await repository.store(report, self.run_of(report), extraction, head)

    async def at_once(self, *writers) -> None:
        """Two first writers: never both win, and one is told.

        HAPI FHIR may refuse both: then either decides again, as on its redelivery.
        """
        results = await asyncio.gather(*writers, return_exceptions=True)
        refused = [result for result in results if isinstance(result, StoreConflict)]
        assert refused, "both won"
        assert refused == [result for result in results if isinstance(result, BaseException)]
        if len(refused) == len(results):
            await self.store()

    async def head(self):
        return await self.repository.find_head((await self.report(BREAST)).source)

    async def stored(self) -> dict[str, dict]:
        found = {}
        head = await self.head()
        for slot, known in head.resources.items():
            kind, _, ident = head.server_reference(known.reference).partition("/")
            found[slot] = await self.client.read(kind, ident)
        return found

    async def versions(self) -> dict[str, str]:
        return {slot: r["meta"]["versionId"] for slot, r in (await self.stored()).items()}


def story(test):
    """Run an async test with a bench of its own."""

    def wrapped(fhir_server):
        tell(test, fhir_server)

    wrapped.__name__ = test.__name__
    return wrapped


def one_by_one(test):
    """The same with transactions forced off."""

    def wrapped(fhir_server):
        tell(test, fhir_server, one_by_one=True)

    wrapped.__name__ = test.__name__
    return wrapped


def both_ways(test):
    """The same, in one transaction and with transactions forced off."""

    @pytest.mark.parametrize("one_by_one", [False, True], ids=["transaction", "one-by-one"])
    def wrapped(fhir_server, one_by_one):
        tell(test, fhir_server, one_by_one=one_by_one)

    wrapped.__name__ = test.__name__
    return wrapped


def tell(test, fhir_server, *, one_by_one=False):
    async def told():
        bench = Bench(fhir_server.base_url, one_by_one=one_by_one)
        try:
            await bench.prepare()
            await test(bench)
        finally:
            await bench.aclose()

    run(told())
