"""The bridge's spans, as a collector on a real socket gets them, and the trace in the records it writes."""

import pytest

from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.settings import TracingSettings
from oncofhir.telemetry.tracing.setup import tracing
from tests.builders import CANARY, diagnostic_report
from tests.hl7v2_messages import oru
from tests.integration.consumers.worker_harness import read_all
from tests.integration.ingest import bridge_harness, test_mllp
from tests.otlp_collector import Collector

pytestmark = pytest.mark.anyio
SERVER, PRODUCER = 2, 4
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
NOTIFIED = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "ehr=1"}


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


def traced(collector):
    return tracing(TracingSettings(endpoint=collector.url))


def server_and_send(spans):
    (server,) = [span for span in spans if span.kind == SERVER]
    (send,) = [span for span in spans if span.kind == PRODUCER]
    assert send.parent_id == server.span_id
    return server, send


async def test_a_notification_continues_the_trace_of_its_sender(settings, tmp_path, collector):
    content = diagnostic_report(CANARY, meta={"versionId": "1"})
    with traced(collector) as tracer:
        wanted = bridge_harness.bridge_settings(settings, tmp_path)
        async with bridge_harness.running(wanted, tracer) as (_, client):
            path = bridge_harness.put_path(content)
            answer = await client.put(path, json=content, headers=NOTIFIED)
            assert answer.is_success, answer.text
            refused = await client.post("/subscriptions/unknown", headers=NOTIFIED)
            assert refused.status_code == 404
    spans = collector.traces()[TRACE]
    by_route = {span.name: span for span in spans if span.kind == SERVER}
    other = by_route.pop("POST /subscriptions/{name}")
    assert other.attributes["http.response.status_code"] == 404
    server, send = server_and_send([span for span in spans if span is not other])
    assert server.name == "PUT /subscriptions/{name}/{type}/{id}"
    assert server.parent_id == SPAN
    assert server.attributes["http.response.status_code"] == 200
    assert send.name == f"send {settings.kafka.diagnostic_report_topic}"
    (record,) = read_all(settings, settings.kafka.diagnostic_report_topic)
    carried = TraceContext.from_headers(record.headers)
    assert (carried.trace_id, carried.span_id) == (TRACE, server.span_id)
    assert carried.tracestate == "ehr=1"
    assert CANARY not in repr(spans)


async def test_a_message_over_mllp_begins_a_trace(settings, collector):
    with traced(collector) as tracer:
        async with (
            test_mllp.running(settings, tracer) as (bridge, port),
            test_mllp.connected(port) as sender,
        ):
            assert await sender.ask(oru()) == "AA"
            assert await sender.ask(f"MSH|{CANARY}") == "AR"
            metrics = bridge.render_metrics().decode()
    by_trace = collector.traces()
    (record,) = read_all(settings, settings.kafka.diagnostic_report_topic)
    carried = TraceContext.from_headers(record.headers)
    server, _ = server_and_send(by_trace.pop(carried.trace_id))
    assert (server.name, carried.span_id) == ("receive MLLP", server.span_id)
    (refused,) = [span for spans in by_trace.values() for span in spans if span.kind == SERVER]
    assert refused.is_error
    assert refused.attributes["error.type"] == "invalid-hl7v2"
    assert CANARY not in repr(collector.spans)
    events = [
        line for line in metrics.splitlines() if line.startswith("oncofhir_ingested_events_total{")
    ]
    assert [line.rsplit(" ", 1)[1] for line in events] == ["1.0"], "counted once"
