"""Spans of the review page and its watcher: a request and the FHIR requests below it, without content."""

import httpx2
import pytest

from oncofhir.review.composition import open_review
from oncofhir.review.web.build import build_app
from oncofhir.schemas.finding import Kind
from oncofhir.settings import ReviewSettings, TracingSettings
from oncofhir.telemetry.tracing.setup import tracing
from tests.command import run_process
from tests.integration.fhir.review_bench import reviewed
from tests.integration.fhir.test_review_metrics import one_pass
from tests.otlp_collector import Collector

SERVER, CLIENT = 2, 3
ADDRESS = "http://127.0.0.1:8070"


async def visited(bench, item, tracer):
    """View a report, confirm a finding, and let the watcher make a pass, with a tracer."""
    file = bench.settings.worklist.index_file
    worklist = bench.settings.worklist.model_copy(update={"index_file": file.with_name("2.sqlite")})
    settings = bench.settings.model_copy(update={"worklist": worklist})
    async with open_review(settings, tracer) as opened:

        async def is_done():
            return b"last_pass_timestamp_seconds 0.0" not in opened.metrics.metrics.exposed()

        await one_pass(opened.watcher, is_done)
        metrics = opened.metrics.metrics
        app = build_app(ReviewSettings(), opened.store, opened.store.client, metrics, tracer)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            assert (await client.get("/ready")).status_code == 200
            shown = (await client.get(f"/reports/{item.document}")).text
            token = shown.partition('name="form_token" value="')[2].partition('"')[0]
            form = {"form_token": token, "verdict": "confirm", "version": item.version_id}
            address = f"/reports/{item.document}/findings/{item.finding}"
            assert (await client.post(address, data=form)).status_code == 303


@reviewed
async def test_a_view_and_a_verdict_are_traces_with_the_requests_below_them(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    with Collector() as collector:
        with tracing(TracingSettings(endpoint=collector.url)) as tracer:
            await visited(bench, item, tracer)
        spans = collector.spans
    served = {s.attributes["oncofhir.review.route"]: s for s in spans if s.kind == SERVER}
    assert set(served) == {"report_view", "decide"}, "no span of a probe"
    assert served["decide"].attributes["http.response.status_code"] == 303
    below = [s for s in spans if s.kind == CLIENT and s.parent_id == served["decide"].span_id]
    assert any(s.name.startswith("POST /") for s in below), "the transaction is part of it"
    (watched,) = (s for s in spans if s.name == "review watch")
    assert any(s.parent_id == watched.span_id for s in spans)
    sent = b"".join(collector.bodies)
    for word in (bench.ident, item.finding, item.document, "21 mm", "Local reviewer"):
        assert word.encode() not in sent


@pytest.mark.parametrize("command", [("review",), ("review", "watch", "--once")])
def test_a_collector_s_settings_that_cannot_work_are_named_at_the_start(command, tmp_path):
    environment = {"ONCOFHIR_TRACING__ENDPOINT": "http://127.0.0.1:9"}
    environment["ONCOFHIR_TRACING__CA_FILE"] = str(tmp_path / "missing.pem")
    done = run_process(*command, environment=environment)
    assert done.returncode == 2
    assert "ONCOFHIR_TRACING__CA_FILE" in done.stderr.decode()
