"""The worker as the Helm chart's minimal profile would run it: its environment, files and probes, no more.

Reads the committed render, so that neither helm nor a cluster is needed. Replaced are the addresses of
the dependencies, the port, and the root under which secrets are mounted; nothing is inherited.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import yaml

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import Process, free_port
from oncofhir.demo.run import Demo
from oncofhir.testing.scripted_model import ScriptedModel
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT, records

ROOT = Path(__file__).parents[2]
RENDER = ROOT / "helm" / "oncofhir" / "renders" / "minimal.yaml"
# After its reports, the worker leaves the group and closes its sockets within this.
LEAVING_SECONDS = 10.0


class Rendered:
    """The worker's Deployment, and the ConfigMap that it names."""

    def __init__(self) -> None:
        found = [each for each in yaml.safe_load_all(RENDER.read_text()) if each]
        self.objects = {(each["kind"], each["metadata"]["name"]): each for each in found}
        deployment = next(o for (kind, _), o in self.objects.items() if kind == "Deployment")
        self.pod = deployment["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]

    @property
    def environment(self) -> dict[str, str]:
        names = [source["configMapRef"]["name"] for source in self.container["envFrom"]]
        given: dict[str, str] = {}
        for name in names:
            given |= self.objects[("ConfigMap", name)]["data"]
        return given | {entry["name"]: entry["value"] for entry in self.container.get("env", [])}

    def mount(self, root: Path, contents: dict[str, str]) -> None:
        """Lay the files of the Secrets where the container has them, under another root."""
        mounts = {m["name"]: m["mountPath"] for m in self.container["volumeMounts"]}
        for volume in self.pod["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                file = root / mounts[volume["name"]].lstrip("/") / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(contents[volume["name"]])

    def probe(self, name: str, port: int) -> int:
        """The status that a probe of the kubelet would get."""
        get = self.container[f"{name}Probe"]["httpGet"]
        return httpx2.get(
            f"http://127.0.0.1:{port}{get['path']}", timeout=5, trust_env=False
        ).status_code


@pytest.fixture(scope="module")
def rendered():
    return Rendered()


@pytest.fixture(scope="module")
def running(rendered, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    rendered.mount(root, {"fhir-token": "a-token"})
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment={})
        port = free_port()
        environment = {
            name: str(root / value.lstrip("/")) if name.endswith("_FILE") else value
            for name, value in rendered.environment.items()
        } | {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_HTTP__PORT": str(port),
        }
        with Demo(stack, lambda _: None) as demo:
            demo.worker = worker_of(rendered, environment, port)
            command = command_in(environment)
            yield SimpleNamespace(demo=demo, port=port, fhir=fhir, model=model, command=command)


def command_in(environment) -> list[str]:
    """The command line of the container, in its environment and no other."""
    image = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}  # what the image brings
    variables = [f"{name}={value}" for name, value in (image | environment).items()]
    return ["env", "-i", *variables, sys.executable, "-m", "oncofhir"]


def worker_of(rendered, environment, port) -> Process:
    def ready() -> bool:
        try:
            return (
                rendered.probe("startup", port) == 200 and rendered.probe("readiness", port) == 200
            )
        except httpx2.HTTPError:
            return False

    command = [*command_in(environment), *rendered.container["args"]]
    return Process("rendered-worker", command, ready=ready, wait_seconds=90)


def test_it_passes_the_main_job(running):
    account, summary = running.demo.run(records(), [PATIENT])
    assert (summary.reports, summary.processed, summary.dead_lettered, summary.lost) == (3, 1, 2, 0)
    assert len(account.findings) == 12
    assert summary.resources["Condition"] == 1
    assert summary.resources["Provenance"] >= 1


def test_the_probes_that_the_kubelet_asks_are_answered(running, rendered):
    assert [
        rendered.probe(name, running.port) for name in ("startup", "liveness", "readiness")
    ] == [200] * 3


def test_metrics_are_where_monitors_look(running):
    text = httpx2.get(f"http://127.0.0.1:{running.port}/metrics", trust_env=False).text
    assert "oncofhir_" in text


@pytest.mark.parametrize("run", ["first", "again"])
def test_the_smoke_test_of_the_chart_passes_beside_it(running, run):
    """With the environment that its pod would have: the worker's. And once more, on the same store."""
    command = [*running.command, "smoke-test", "--timeout=60"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (run, ended.stderr)
    result = json.loads(ended.stdout)
    stored = httpx2.get(f"{running.fhir.base_url}/{result['condition']}", trust_env=False).json()
    assert stored["verificationStatus"]["coding"][0]["code"] == "entered-in-error", (
        "retracted again"
    )
    report = httpx2.get(f"{running.fhir.base_url}/{result['report']}", trust_env=False).json()
    assert report["status"] == "entered-in-error", "findings refer to a report that the store has"
    assert result["provenance"].startswith("Provenance/")
    assert result["retracted"] is True


def test_a_smoke_test_without_findings_says_so_and_retracts_its_report(running):
    script = [{"contains": [], "answer": "none"}]
    running.model.control(script=script)
    command = [*running.command, "smoke-test", "--timeout=60"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    running.model.control(script=SCRIPT)
    assert ended.returncode == 1, ended.stderr
    assert "the report's outcome is nothing-found" in ended.stderr
    assert "prompt set fit" in ended.stderr
    assert "published as entered-in-error" in ended.stderr
    assert "its retraction's outcome is retracted" in ended.stderr


def test_it_leaves_within_the_time_that_kubernetes_gives_it(running, rendered):
    began = time.monotonic()
    running.demo.stop()
    assert running.demo.worker.returncode == 0
    took = time.monotonic() - began
    drain = float(rendered.environment["ONCOFHIR_SHUTDOWN_TIMEOUT_SECONDS"])
    assert took < drain + LEAVING_SECONDS
    assert drain + LEAVING_SECONDS < rendered.pod["terminationGracePeriodSeconds"]


def test_without_a_worker_the_smoke_test_says_where_to_look(running):
    command = [*running.command, "smoke-test", "--timeout=5"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "see whether a worker is ready" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("WRITE", "shadow"), ("SOURCE_BASE_URL", "http://127.0.0.1:9/fhir"), ("READ_CURRENT", "true")],
)
def test_a_smoke_test_that_could_not_succeed_is_not_begun(running, name, value):
    variables = running.command[:-3]
    command = [*variables, f"ONCOFHIR_FHIR__{name}={value}", *running.command[-3:], "smoke-test"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "oncofhir: " in ended.stderr


def test_a_service_of_its_own_name_would_stop_it_so_service_links_are_off(rendered):
    """Kubernetes would add ONCOFHIR_PORT for a Service called oncofhir."""
    assert rendered.pod["enableServiceLinks"] is False
