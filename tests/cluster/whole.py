"""The whole way on two nodes: reports flow through the chart's workers while these are disrupted in twelve ways."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2

from helm.check.rendering import merged, profiles, values_of
from tests.chaos.reports import InputRecord, input_records, sources
from tests.chaos.store import FhirStore
from tests.cluster import beside, metrics_server, policies
from tests.cluster.api import wait_until
from tests.cluster.disruptions import Disruptions, ready
from tests.cluster.every_workload import POSITION_FOLDER, SECRETS, claim, every_workload
from tests.cluster.flow import Flow, add
from tests.cluster.last_release import LAST_RELEASE, VERSION
from tests.cluster.nodes import Node
from tests.cluster.operators import prometheus
from tests.cluster.operators.keda import ScalingByLag
from tests.cluster.releases import RELEASE, Bench, Fault, Release
from tests.cluster.steps import Steps
from tests.cluster.workloads import FHIR

NAMESPACE = "oncofhir"
REPORTS, BROKEN = 2_100, 12
_FLOW = Flow(group="oncofhir")
_VALUES: dict[str, Any] = {
    "kafka": {"partitions": 4},
    "worker": {
        "replicas": 2,
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}},
        # The model is a headless Service: each replica is an address of its own.
        "env": {"ONCOFHIR_MODEL__RESOLVE_REPLICAS": "true"},
    },
}
# The last release's chart with today's image; its topics Job was off by default.
_VALUES_OF_LAST = {"image": {"tag": "0.2.0"}, "topicsJob": {"enabled": True}}


def run(
    bench: Bench,
    nodes: list[Node],
    programs: Path,
    steps: Steps,
) -> None:
    """Install, disrupt, account, test and uninstall; what goes wrong is among the faults."""
    values = merged(values_of(profiles(bench.chart)["minimal"]), merged(_VALUES, _VALUES_OF_LAST))
    secrets = {"fhir-token": {"token": "first"}, **SECRETS}
    with steps.step("metrics-server starts"):
        metrics_server.start(bench.api, programs)
    with (
        steps.step("the whole way"),
        bench.release(NAMESPACE, values, secrets=secrets, chart=LAST_RELEASE) as release,
    ):
        ready(release, 2)
        steps.report(f"installed the chart of {VERSION}: two workers are ready")
        _flow(release, steps)
        with steps.step("oncofhir reconcile finds no problem"):
            steps.report(f"reconcile: {beside.reconciled(release)}")
        _every_workload(release, steps)
        _check_policies(bench, [node.name for node in nodes], steps)
        with steps.step("helm test (Helm 4)"):
            release.smoke_test()
        with steps.step("helm test (Helm 3)"):
            _helm_3(bench, programs, "test", RELEASE, "--logs", "--timeout=5m")
        release.helm.uninstall(RELEASE)
        with steps.step("an uninstall leaves the pod of helm test alone"):
            _only_the_smoke_test_is_left(release)


def _every_workload(release: Release, steps: Steps) -> None:
    """Upgrade to bridge, review page and backfill, and check that each does its work."""
    with steps.step("bridge and review page are ready"):
        beside.put(beside.history())
        # fsGroup does not hold for a folder of the node.
        Path(POSITION_FOLDER).mkdir(exist_ok=True)
        Path(POSITION_FOLDER).chmod(0o777)
        for each in claim(release.namespace):
            release.bench.api.create(each)
        number = release.worker()["spec"]["replicas"]
        fixed = {"autoscaling": {"kind": "none"}, "worker": {"replicas": number}}
        release.upgrade(merged(merged(every_workload(), prometheus.VALUES), fixed))
        ready(release, number)
        beside.are_ready(release)
    with steps.step("Prometheus scrapes workers, bridge and review page, and evaluates the alerts"):
        alerts = prometheus.scrapes(release, "worker", "bridge", "review")
        steps.report(f"Prometheus: {alerts} alerts")
    with steps.step("a Subscription's notification becomes findings"):
        beside.a_notification_becomes_findings()
    with steps.step("an HL7 v2 result becomes findings"):
        beside.a_result_becomes_findings()
    with steps.step("a backfill completes, and its reports have findings"):
        beside.the_history_is_backfilled(release)


def _check_policies(bench: Bench, nodes: list[str], steps: Steps) -> None:
    with steps.step("what each component reaches, on both nodes"):
        steps.figures.policies_checked += policies.check_egress(
            bench.api, NAMESPACE, nodes, policies.EGRESS_OF_ALL
        )
    with steps.step("who reaches bridge and review page, on both nodes"):
        steps.figures.policies_checked += policies.check_ingress(bench.api, NAMESPACE, nodes)


def _helm_3(bench: Bench, programs: Path, *arguments: str) -> None:
    command = [str(programs / "helm3"), "--kubeconfig", str(bench.cluster.kubeconfig)]
    done = subprocess.run(
        [*command, "--namespace", NAMESPACE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Fault(f"Helm 3 {arguments[0]}: {(done.stdout + done.stderr)[-500:]}")


def _flow(release: Release, steps: Steps) -> None:
    records = input_records(steps.figures.published, BROKEN, seed=1)
    _load(records)
    steps.report(f"the store has the patients and reports; {len(records)} records follow")
    disruptions = [
        *Disruptions(release.bench, release).steps(),
        *ScalingByLag(release, _FLOW, steps.report).steps(),
    ]
    # The last one is a backlog, a third of all.
    size = len(records) * 2 // 3 // (len(disruptions) - 1)
    for number, (name, disrupt) in enumerate(disruptions):
        ends = None if number == len(disruptions) - 1 else (number + 1) * size
        _FLOW.publish(records[number * size : ends])
        with steps.step(f"disruption: {name}"):
            disrupt()
            steps.figures.disruptions += 1
    with steps.step("the account of the reports"):
        store = FhirStore(FHIR)
        account = _FLOW.accounted(store)
        store.close()
        steps.report(f"accounted: {account.figures()}")
        add(account, steps.figures)


def _load(records: Sequence[InputRecord]) -> None:
    """Put what the reports refer to into the store, as the EHR's own would have it."""
    with httpx2.Client(trust_env=False, timeout=30.0) as http:

        def put(resource: dict[str, Any]) -> None:
            url = f"{FHIR}/{resource['resourceType']}/{resource['id']}"
            http.put(url, json=resource).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            found = list(sources(records))
            patients = [each for each in found if each["resourceType"] == "Patient"]
            list(pool.map(put, patients))
            list(pool.map(put, [each for each in found if each["resourceType"] != "Patient"]))


def _only_the_smoke_test_is_left(release: Release) -> None:
    """Wait for what the install page says of an uninstall: the pod of `helm test` stays, and no other."""

    def is_so() -> bool:
        return {pod["metadata"]["name"] for pod in release.pods()} <= {f"{RELEASE}-smoke-test"}

    wait_until(is_so, "only the smoke test's pod is left", 120)
