"""What is broken is found: a template, a value, a custom resource, a render, the README."""

import json
import shutil
import subprocess
import sys

import pytest

from helm.check.findings import check
from helm.check.manifests import findings_in
from helm.check.rendering import CHART
from tests.helm.charts import objects

BREAKS = {
    "a template that is no template": ("templates/worker.yaml", "{{- end }}\n      containers:", "{{- end }\n      containers:"),
    "a template that is no YAML": ("templates/configmap.yaml", "kind: ConfigMap", "kind: : ConfigMap"),
    "a misspelt field": ("templates/worker.yaml", "terminationGracePeriodSeconds:", "terminationGraceSeconds:"),
    "a field of a wrong type": ("templates/worker.yaml", "replicas: {{ . }}", "replicas: {{ . | quote }}"),
    "a key twice": ("templates/worker-service.yaml", "  clusterIP: None", "  clusterIP: None\n  clusterIP: None"),
    "a value of the wrong kind": ("values.yaml", "partitions: 8", "partitions: eight"),
    "a value without a schema": ("values.yaml", "topicsJob:", "surprise: 1\ntopicsJob:"),
    "a value that contradicts": ("profiles/minimal.yaml", "replicas: 1", "replicas: 100"),
    "a changed default": ("values.yaml", "drainSeconds: 20", "drainSeconds: 21"),
    "KEDA's trigger": ("templates/worker-scaling.yaml", "lagThreshold:", "lagTreshold:"),
    "KEDA's object": ("templates/worker-scaling.yaml", "maxReplicaCount:", "maxReplicas:"),
    "KEDA's authentication": ("templates/worker-scaling.yaml", "- parameter: username", "- parameter: user"),
    "the PodMonitor": ("templates/monitoring.yaml", "scrapeTimeout:", "scrapeTimeOut:"),
    "Strimzi's user": ("templates/_parts.tpl", "operations: [", "operation: ["),
    "Strimzi's topic": ("templates/strimzi.yaml", "  partitions: {{ $v.kafka.partitions }}", "  partition: {{ $v.kafka.partitions }}"),
    "the README": ("README.md", "| `kafka.partitions` | `8` |", "| `kafka.partitions` | `9` |"),
    "a render": ("renders/minimal.yaml", "kind: ConfigMap", "kind: ConfigMaps"),
    "the schema": ("values.schema.json", '"additionalProperties": false', '"additionalProperties": nonsense'),
}  # fmt: skip


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(CHART, tmp_path / "oncofhir")
    return tmp_path / "oncofhir"


def spoil(chart, file, old, new):
    text = (chart / file).read_text()
    assert old in text
    (chart / file).write_text(text.replace(old, new, 1))


def test_the_chart_as_it_is_has_no_findings(copied):
    assert check(copied).findings == []


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_is_found(what, copied):
    spoil(copied, *BREAKS[what])
    assert check(copied).findings


def test_the_command_fails_and_ends_with_a_line_of_figures(copied):
    spoil(copied, *BREAKS["KEDA's trigger"])
    command = [sys.executable, "-m", "helm.check", "--no-tests", "--chart", str(copied)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=CHART.parents[1]
    )
    assert ended.returncode == 1
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert figures["ok"] is False
    assert figures["findings"] > 0
    assert "lagTreshold" in ended.stderr


def test_a_custom_resource_without_a_schema_is_a_finding():
    unknown = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    assert findings_in([unknown]) == ["Thing/x: no schema for example.com/v1 Thing"]


def test_two_objects_of_one_name_are_a_finding():
    service = objects()[("Service", "oncofhir-worker")]
    assert findings_in([service, service]) == ["Service/oncofhir-worker: there are two of it"]
