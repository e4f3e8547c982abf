"""Alerts and dashboards of the chart are the files on disk; every query names a metric that is declared."""

import json
import re

import pytest
import yaml

from helm.check.rendering import CHART
from helm.dashboards.build import FOLDER, NAMESPACE, dashboards, queries
from oncofhir.telemetry.metrics import DEFINITIONS, MetricKind
from tests.helm.charts import kinds, objects

RULES = CHART / "files" / "alerts.yaml"
METRIC = re.compile(r"\boncofhir_[a-z_]+")
SUFFIXES = {MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count")}
SERIES = {d.name + s for d in DEFINITIONS for s in SUFFIXES.get(d.kind, ("",))}
UNITS = {"short", "s", "bytes", "percentunit", "cps"}
ON = {"monitoring": {"alerts": {"enabled": True}, "dashboards": {"enabled": True}}}


def test_the_files_are_as_they_are_generated():
    assert {file.name: file.read_text() for file in FOLDER.iterdir()} == dashboards()


@pytest.mark.parametrize(("name", "title", "query"), queries())
def test_a_query_names_metrics_that_exist_and_one_namespace(name, title, query):
    found = METRIC.findall(query)
    assert found, (name, title)
    assert set(found) <= SERIES
    assert query.count(NAMESPACE) == len(found)
    assert "{N" not in query
    assert "[R]" not in query


@pytest.mark.parametrize("text", dashboards().values(), ids=dashboards())
def test_every_panel_has_a_unit_a_description_and_its_own_space(text):
    dashboard = json.loads(text)
    taken = set()
    for panel in dashboard["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["description"].endswith(".")
        assert panel["targets"]
        grid = panel["gridPos"]
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_neither_unless_asked():
    assert "PrometheusRule" not in kinds(objects())
    assert ("ConfigMap", "oncofhir-dashboards") not in objects()


def test_the_rule_is_the_file():
    rule = objects("minimal", ON)[("PrometheusRule", "oncofhir")]
    assert rule["spec"] == yaml.safe_load(RULES.read_text())


def test_runbooks_may_be_served_elsewhere():
    alerts = {
        "enabled": True,
        "runbookBaseUrl": "https://docs.example.org/x/",
        "labels": {"a": "b"},
    }
    rule = objects("minimal", {"monitoring": {"alerts": alerts}})[("PrometheusRule", "oncofhir")]
    urls = {r["annotations"]["runbook_url"] for g in rule["spec"]["groups"] for r in g["rules"]}
    assert "https://docs.example.org/x/dead-letters.md" in urls
    assert all(url.startswith("https://docs.example.org/x/") for url in urls)
    assert rule["metadata"]["labels"]["a"] == "b"


def test_the_sidecar_finds_the_dashboards_whole():
    found = objects("minimal", ON)[("ConfigMap", "oncofhir-dashboards")]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {
        name.removeprefix("oncofhir-"): json.loads(text) for name, text in found["data"].items()
    } == {name: json.loads(text) for name, text in dashboards().items()}
