"""Deletions on a HAPI FHIR server that deletes what Provenance refers to: its type history tells them."""

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus, RowOperation
from oncofhir.schemas.review import Confirm, OutcomeKind
from tests.hapi_fhir.server import HapiFhirServer
from tests.integration.fhir.review_bench import tell_review


def test_what_another_client_deletes_is_retracted_and_cannot_be_confirmed(tmp_path):
    async def story(bench):
        item = await bench.item(Kind.HORMONE_RECEPTOR, "ER")
        bench.delete(item.resource)
        outcome = await bench.decide(Confirm(finding=item.finding), version=item.version_id)
        assert outcome.kind is OutcomeKind.FINDING_NOT_FOUND
        await bench.watcher.run_once()
        (row,) = bench.rows()
        assert (row.slot, row.operation) == ("ER", RowOperation.RETRACT)
        assert row.review_status is ReviewStatus.DELETED
        assert (await bench.watcher.run_once()).rows == 0

    with HapiFhirServer(deletes=True) as server, EmbeddedBroker() as broker:
        tell_review(story, server, broker, tmp_path)
