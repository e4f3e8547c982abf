"""Each metric is declared once and can be exposed."""

from oncofhir.telemetry import ingest_metrics, review_metrics, sink_metrics
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics


def test_names_are_unique_and_carry_their_unit():
    names = [d.name for d in m.DEFINITIONS]
    assert len(set(names)) == len(names)
    for definition in m.DEFINITIONS:
        assert definition.name.startswith("oncofhir_")
        assert definition.meaning.endswith(".")
        assert definition.name.endswith("_total") == (definition.kind is m.MetricKind.COUNTER)
        assert bool(definition.buckets) == (definition.kind is m.MetricKind.HISTOGRAM)


def test_every_definition_of_the_module_is_in_the_list():
    modules = (m, ingest_metrics, sink_metrics, review_metrics)
    declared = [
        v for module in modules for v in vars(module).values() if isinstance(v, m.Definition)
    ]
    assert declared == list(m.DEFINITIONS)


def test_two_sets_do_not_meet():
    first, second = Metrics(m.WORKER_DEFINITIONS), Metrics(m.WORKER_DEFINITIONS)
    first.count(m.RECORDS_RECEIVED, "topic", by=3)
    first.set(m.LAG, 7, "topic", "0")
    first.observe(m.REPORT_SECONDS, 1.5)
    assert b'oncofhir_records_received_total{topic="topic"} 3.0' in first.exposed()
    assert b'oncofhir_lag_records{partition="0",topic="topic"} 7.0' in first.exposed()
    assert b"oncofhir_records_received_total{" not in second.exposed()
    first.clear(m.LAG)
    assert b"oncofhir_lag_records{" not in first.exposed()
