"""A collector that is down, slow or refuses costs the reports nothing, and settings that cannot work say why."""

import asyncio
import time

import pytest

from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.schemas.tracing.tracer import SpanKind
from oncofhir.settings import SettingsError, TracingSettings
from oncofhir.telemetry.tracing.setup import tracing
from tests.builders import CANARY
from tests.otlp_collector import Collector
from tests.waiting import wait_until

SPANS = 20_000  # more than the queue holds
SECONDS_PER_SPAN = 0.003  # 40 batches; each would take 3 s if a span waited for it


def record_spans(tracer, count):
    began = time.monotonic()
    for _ in range(count):
        with tracer.span("work") as span:
            span.set({"number": 1})
    return time.monotonic() - began


@pytest.mark.parametrize("delay", [None, 3.0], ids=["down", "slow"])
def test_spans_are_dropped_and_nothing_waits(delay):
    with Collector(delay_seconds=delay or 0.0) as collector:
        endpoint = collector.url if delay else "http://127.0.0.1:9"
        with tracing(TracingSettings(endpoint=endpoint)) as tracer:
            took = record_spans(tracer, SPANS)
            closing = time.monotonic()
        assert time.monotonic() - closing < 10, "not the time of all batches"
        assert took < SPANS * SECONDS_PER_SPAN
        assert len(collector.spans) < SPANS


def test_a_collector_that_comes_back_gets_the_next_spans():
    with Collector() as first:
        url, port = first.url, int(first.url.rpartition(":")[2])
    with tracing(TracingSettings(endpoint=url)) as tracer:
        record_spans(tracer, 3)
        time.sleep(2.5)  # a batch fails
        with Collector(port) as collector:
            record_spans(tracer, 5)
            wait_until(lambda: len(collector.spans) >= 5)


def test_an_error_s_message_is_not_sent():
    with Collector() as collector:
        with tracing(TracingSettings(endpoint=collector.url)) as tracer:
            with pytest.raises(ValueError, match=CANARY), tracer.span("a"):
                raise ValueError(CANARY)
            with pytest.raises(RequestRejected), tracer.span("b"):
                raise RequestRejected(Reason.STORE_REJECTED, None, CANARY)
        types = {span.name: span.attributes["error.type"] for span in collector.spans}
        assert types == {"a": "ValueError", "b": "store-rejected"}
        assert CANARY.encode() not in b"".join(collector.bodies)


def test_an_unsampled_parent_is_not_recorded_and_its_context_goes_on():
    parent = TraceContext("00-" + "a" * 32 + "-" + "b" * 16 + "-00", "x=1")
    with Collector() as collector:
        with tracing(TracingSettings(endpoint=collector.url)) as tracer:
            span = tracer.start("process", SpanKind.CONSUMER, {}, parent=parent)
            with tracer.use(span):
                carried = tracer.current()
            span.finish()
        assert (carried.trace_id, carried.is_sampled) == (parent.trace_id, False)
        assert carried.tracestate == "x=1"
        assert collector.spans == []


def test_tasks_have_the_span_that_they_began_in():
    async def run(tracer):
        async def child():
            with tracer.span("child"):
                await asyncio.sleep(0)

        for _ in range(2):
            span = tracer.start("report", SpanKind.CONSUMER, {})
            with tracer.use(span):
                await asyncio.gather(child(), child())
            span.finish()

    with Collector() as collector:
        with tracing(TracingSettings(endpoint=collector.url)) as tracer:
            asyncio.run(run(tracer))
        assert sorted(len(spans) for spans in collector.traces().values()) == [3, 3]


def test_the_token_is_sent_and_read_again(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    with Collector() as collector:
        with tracing(TracingSettings(endpoint=collector.url, token_file=file)) as tracer:
            record_spans(tracer, 1)
            wait_until(lambda: collector.spans)
            file.write_text("second\n")
            record_spans(tracer, 1)
        sent = [headers["Authorization"] for headers in collector.headers]
        assert sent == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": True}, "needs ONCOFHIR_TRACING__ENDPOINT"),
        ({"endpoint": "http://127.0.0.1:9", "token_file": "/none"}, "cannot read the secret file"),
        ({"endpoint": "http://127.0.0.1:9", "ca_file": "/none"}, "CA_FILE: file not found"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(SettingsError, match=message), tracing(TracingSettings(**settings)):
        pass


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    endpoint = TracingSettings(endpoint="http://127.0.0.1:9")
    with pytest.raises(SettingsError, match=r"pip install '\.\[tracing\]'"), tracing(endpoint):
        pass
