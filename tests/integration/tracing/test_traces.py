"""One trace of one report, from `oncofhir publish` to the rows, as a collector on a real socket gets it."""

import json
import sys
from types import SimpleNamespace

import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo, Record
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.telemetry.metrics import WORKER_DEFINITIONS
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_process
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.otlp_collector import Collector, tree
from tests.topic_records import records_of
from tests.waiting import wait_until

CLIENT, PRODUCER, CONSUMER = 3, 4, 5
GARBAGE = b"00-" + CANARY.encode()
# A publisher's identifiers and a patient's are canaries, too.
SECRETS = (CANARY, "main-secret", "Patient/p", "p-secret", "ductal")


@pytest.fixture(scope="module")
def collector():
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def parts(collector):
    answers = [{"contains": ["tumor site"], "answer": f"breast {CANARY}"}, *SCRIPT]
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(answers) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_TRACING__ENDPOINT": collector.url,
            "ONCOFHIR_TRACING__METRICS": "true",
            "ONCOFHIR_TRACING__METRICS_INTERVAL_SECONDS": "0.5",
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        with Demo(stack, lambda _: None) as demo:
            first = pathology_report("first", BREAST)
            demo.run([Record(raw=json.dumps(first).encode(), resource=first)], [PATIENT])
            yield SimpleNamespace(demo=demo, broker=broker, environment=environment)


def headers_of(parts, topic, trace_id):
    """The headers of the records of a topic that carry a trace."""
    headers = [dict(record.headers) for record in records_of(parts.broker.address, topic)]
    return [h for h in headers if trace_id.encode() in b"".join(h.values())]


def published(parts, tmp_path, resource):
    """Publish with the command; return the trace id that the record carries."""
    file = tmp_path / "report.json"
    file.write_text(json.dumps(resource))
    ended = run_process("publish", file, environment=parts.environment)
    assert ended.returncode == 0, ended.stderr
    at = json.loads(ended.stdout)
    (record,) = [
        r
        for r in records_of(parts.broker.address, at["topic"])
        if (r.partition, r.offset) == (at["partition"], at["offset"])
    ]
    return TraceContext.from_headers(record.headers).trace_id


def spans_of(collector, trace_id, wanted):
    """The spans of a trace once one of this name is among them and no more come."""

    def spans():
        return collector.traces().get(trace_id, [])

    def are_complete():
        found = spans()
        ids = {"", *(span.span_id for span in found)}
        return wanted in {span.name for span in found} and {s.parent_id for s in found} <= ids

    wait_until(are_complete)
    return spans()


@pytest.mark.scenario
def test_one_trace_joins_publisher_worker_model_store_and_rows(parts, collector, tmp_path):
    resource = pathology_report("main-secret", BREAST, patient="p-secret")
    trace_id = published(parts, tmp_path, resource)
    spans = spans_of(collector, trace_id, "process fhir.diagnostic-report")
    sys.stdout.write(tree(spans) + "\n")
    names = [span.name for span in spans]
    by_id = {span.span_id: span for span in spans}

    def path(name):
        span = next(s for s in spans if s.name == name)
        above = []
        while span.parent_id:
            span = by_id[span.parent_id]
            above.append(span.name)
        return above

    root = ["process fhir.diagnostic-report", "send fhir.diagnostic-report"]
    assert path("process fhir.diagnostic-report") == root[1:]
    for stage in ("decode", "process", "publish"):
        assert path(stage) == root
    for stage in ("resolve", "read", "decide", "ask", "store"):
        assert path(stage) == ["process", *root]
    assert path("text_completion scripted") == ["ask", "process", *root]
    assert names.count("text_completion scripted") == 9
    assert path("POST /") == ["store", "process", *root]
    assert path("send oncology.outcomes") == ["publish", *root]

    kinds = {span.name: span.kind for span in spans}
    assert kinds["send fhir.diagnostic-report"] == PRODUCER
    assert kinds["process fhir.diagnostic-report"] == CONSUMER
    assert kinds["POST /"] == kinds["text_completion scripted"] == CLIENT
    asked = next(s for s in spans if s.name == "text_completion scripted").attributes
    assert asked["gen_ai.operation.name"] == "text_completion"
    assert asked["gen_ai.provider.name"] == "text-generation-inference"
    assert asked["gen_ai.usage.input_tokens"] > 10
    assert asked["gen_ai.usage.output_tokens"] > 0
    processed = next(s for s in spans if s.kind == CONSUMER)
    assert processed.attributes["oncofhir.status"] == "found"
    assert processed.attributes["messaging.system"] == "kafka"
    # the patient and the report's history are not in the store
    assert {span.name for span in spans if span.is_error} <= {"GET /Patient/{id}"}

    rows = headers_of(parts, "oncology.phenotypes", trace_id)
    (outcome,) = headers_of(parts, "oncology.outcomes", trace_id)
    assert len(rows) >= 10
    sent = {s.span_id for s in spans if s.kind == PRODUCER}
    assert {TraceContext.from_headers(h.items()).span_id for h in [*rows, outcome]} <= sent


def test_a_garbage_header_begins_a_trace_and_a_valid_one_with_its_state_goes_on(parts, collector):
    state, parent = b"vendor=a1,other@x=b2", b"00-" + b"5" * 32 + b"-" + b"6" * 16 + b"-01"
    reports = {
        GARBAGE: pathology_report("main-secret-2", f"{BREAST} two"),
        parent: pathology_report("main-secret-3", f"{BREAST} three"),
    }
    before = set(collector.traces())
    for header, resource in reports.items():
        publish_raw(parts, json.dumps(resource).encode(), header, state)

    def consumers_of(trace_id):
        return [s for s in collector.traces().get(trace_id, []) if s.kind == CONSUMER]

    def new():
        return set(collector.traces()) - before - {"5" * 32}

    wait_until(lambda: new() and consumers_of("5" * 32))
    (consumer,) = consumers_of("5" * 32)
    assert (consumer.parent_id, consumer.state) == ("6" * 16, state.decode())
    rows = headers_of(parts, "oncology.phenotypes", "5" * 32)
    assert rows
    assert {row["tracestate"] for row in rows} == {state}
    assert len(new()) == 1


def test_a_dead_letter_keeps_its_headers_and_names_the_failing_span(parts, collector):
    parent = b"00-" + b"7" * 32 + b"-" + b"8" * 16 + b"-01"
    publish_raw(parts, f'{{"broken": "{CANARY}'.encode(), parent, b"")
    wait_until(lambda: any(s.kind == CONSUMER for s in collector.traces().get("7" * 32, [])))
    spans = collector.traces()["7" * 32]
    failed = next(s for s in spans if s.kind == CONSUMER)
    assert failed.is_error
    assert failed.attributes["error.type"] == "not-json"
    (letter,) = headers_of(parts, "oncology.dead-letters", "7" * 32)
    assert letter["traceparent"] == parent
    assert letter["oncofhir-traceparent"].startswith(b"00-" + b"7" * 32)
    (outcome,) = headers_of(parts, "oncology.outcomes", "7" * 32)
    assert outcome["traceparent"].startswith(b"00-" + b"7" * 32)


def test_nothing_that_was_sent_to_the_collector_names_a_patient_or_quotes_a_report(
    parts, collector
):
    assert len(collector.bodies) > 3
    everything = b"".join(collector.bodies)
    assert b"text_completion scripted" in everything
    assert [secret for secret in SECRETS if secret.encode() in everything] == []


def test_log_lines_of_a_report_carry_its_trace(parts):
    lines = [json.loads(line) for line in parts.demo.worker.last_output(400).splitlines()]
    failed = [line for line in lines if line["message"] == "record sent to dead-letter topic"]
    assert failed
    processed = [line for line in lines if "trace_id" in line]
    assert "7" * 32 in {line["trace_id"] for line in processed}
    assert all(len(line["trace_id"]) == 32 and len(line["span_id"]) == 16 for line in processed)


def test_metrics_come_with_the_names_of_the_metrics_page(parts, collector):

    def metrics():
        return {
            metric.name: metric
            for request in collector.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    wait_until(lambda: metrics().get("oncofhir_rows_published_total"))
    found = metrics()
    assert set(found) >= {definition.name for definition in WORKER_DEFINITIONS}
    assert found["oncofhir_report_seconds"].unit == "s"
    reports = found["oncofhir_reports_total"].sum
    assert reports.is_monotonic
    assert sum(point.as_double for point in reports.data_points) >= 1
    seconds = found["oncofhir_report_seconds"].histogram.data_points[0]
    assert sum(seconds.bucket_counts) == seconds.count > 0


def publish_raw(parts, value, traceparent, tracestate):
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=parts.broker.address)
    headers = [("traceparent", traceparent), ("tracestate", tracestate)]
    producer.send("fhir.diagnostic-report", value=value, headers=headers).get(timeout=30)
    producer.close()
