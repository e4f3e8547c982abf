"""A real Prometheus scrapes a real worker and sink: every query of dashboards and alerts finds its metrics."""

import json
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from helm.dashboards.build import queries
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.demo.run import Demo
from oncofhir.telemetry.metrics import SINK_DEFINITIONS, WORKER_DEFINITIONS
from oncofhir.testing.scripted_model import ScriptedModel
from tests.alerts.test_alerts import RULES
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT, records
from tests.prometheus import program

METRIC = re.compile(r"\boncofhir_[a-z_]+")
# Without a retry, a refusal, a skipped report, a warning or a credential that expires there is nothing to show.
WITHOUT_DATA = {
    "Retries, by reason",
    "Retries because of the model",
    "Retries because of the store",
    "Next credential to expire",
    "Credentials: time left",
    "Skipped reports, by reason",
    "Read in part, by warning",
    "Names without a code, by kind",
    # no bridge runs here
    "Bridge: events published",
    "Bridge: notifications, by HTTP status",
    "Bridge: missing events",
    "HL7 v2 messages, by outcome",
    "MLLP connections",
}


class Prometheus(Process):
    """A Prometheus on a loopback port that scrapes each second."""

    def __init__(self, folder, targets):
        self.port = free_port()
        scrape = {"job_name": "oncofhir", "static_configs": [{"targets": targets}]}
        content = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [scrape],
            "rule_files": [str(RULES)],
        }
        (folder / "prometheus.yml").write_text(json.dumps(content))
        super().__init__(
            "prometheus",
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            ready=lambda: responds(f"{self.url}/-/ready"),
        )

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def query(self, expression, **more):
        answer = httpx2.post(
            f"{self.url}/api/v1/query", data={"query": expression} | more, trust_env=False
        ).json()
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        port = free_port()
        sink = Process(
            "sink",
            [sys.executable, "-m", "oncofhir", "sink", "--metrics-port", str(port)],
            ready=lambda: responds(f"http://127.0.0.1:{port}/ready"),
            environment=environment,
            folder=folder,
            wait_seconds=90.0,
        )
        with Demo(stack, lambda _: None) as demo:
            targets = [f"127.0.0.1:{demo.http_port}", f"127.0.0.1:{port}"]
            with Prometheus(folder, targets) as prometheus:
                # a counter that is new in the first scrape has not increased
                demo.run(records(), [PATIENT])
                with sink:
                    time.sleep(4)
                    demo._publish(records()[:1])
                    time.sleep(4)
                    yield SimpleNamespace(prometheus=prometheus, targets=targets)


def exposed(target):
    text = httpx2.get(f"http://{target}/metrics", trust_env=False).text
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }


def test_every_metric_is_exposed_by_its_program_and_documented(parts):
    worker, sink = map(exposed, parts.targets)
    assert {name for name in worker if name.startswith("oncofhir_")} == {
        d.name for d in WORKER_DEFINITIONS
    }
    assert {name for name in sink if name.startswith("oncofhir_")} == {
        d.name for d in SINK_DEFINITIONS
    }


def test_every_query_of_the_dashboards_has_data(parts):
    empty = set()
    for _, title, query in queries():
        expression = query.replace("$namespace", ".*").replace("$__rate_interval", "1m")
        if not parts.prometheus.query(expression):
            empty.add(title)
    assert empty <= WITHOUT_DATA, empty - WITHOUT_DATA


def test_prometheus_evaluates_every_alert_and_none_fires(parts):
    deadline = time.monotonic() + 30
    while True:
        answer = httpx2.get(f"{parts.prometheus.url}/api/v1/rules", trust_env=False).json()
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        if all(rule["health"] != "unknown" for rule in rules):
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    wanted = [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    assert len(rules) == len(wanted)
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    # two of three records are dead letters, as they should be
    assert firing <= {"OncofhirDeadLetters"}


def test_promtool_finds_no_fault_with_the_exposition(parts):
    for target in parts.targets:
        text = httpx2.get(f"http://{target}/metrics", trust_env=False).content
        done = subprocess.run(
            [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
        )
        assert done.returncode in {0, 3}, done.stderr
        lint = [line for line in done.stderr.decode().splitlines() if "oncofhir_" in line]
        assert lint == []
