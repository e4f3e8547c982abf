"""The whole way on two nodes: reports flow through the chart's workers while these are disrupted in ten ways."""

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
from helm_python import HelmError
from kafka import KafkaProducer
from kafka.errors import KafkaError

from helm.check.rendering import merged, profiles, values_of
from tests.chaos.accounting import Topics, account_of
from tests.chaos.reports import InputRecord, input_records, sources
from tests.chaos.store import FhirStore
from tests.chaos.topics import lag
from tests.cluster import beside, metrics_server, policies
from tests.cluster.api import ApiError, wait_until
from tests.cluster.disruptions import Disruptions, ready
from tests.cluster.every_workload import POSITION_FOLDER, SECRETS, claim, every_workload
from tests.cluster.last_release import LAST_RELEASE, VERSION
from tests.cluster.nodes import Node
from tests.cluster.releases import RELEASE, Bench, Fault, Release
from tests.cluster.workloads import FHIR, KAFKA

NAMESPACE = "oncofhir"
REPORTS, BROKEN = 2_100, 12
_INPUTS = {
    "DiagnosticReport": "fhir.diagnostic-report",
    "DocumentReference": "fhir.document-reference",
}
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
_DRAIN_SECONDS = 1_800.0


@dataclass
class Figures:
    """What the run counts."""

    published: int
    reports: int = 0
    lost: int = 0
    duplicates: int = 0
    policies_checked: int = 0
    disruptions: int = 0
    faults: list[str] = field(default_factory=list)


def run(
    bench: Bench,
    nodes: list[Node],
    programs: Path,
    reports: int,
    report: Callable[[str], None],
) -> Figures:
    """Install, disrupt, account, test and uninstall; what goes wrong is among the faults."""
    figures = Figures(published=reports)
    try:
        _run(bench, nodes, programs, figures, report)
    except (
        *(Fault, ApiError, HelmError, KafkaError, httpx2.HTTPError),
        *(OSError, subprocess.CalledProcessError),  # TimeoutError is an OSError
    ) as error:
        report(f"FAULT  {type(error).__name__}: {error}")
        figures.faults.append(f"{type(error).__name__}: {error}")
    return figures


def _run(
    bench: Bench,
    nodes: list[Node],
    programs: Path,
    figures: Figures,
    report: Callable[[str], None],
) -> None:
    metrics_server.start(bench.api, programs)
    report("metrics-server knows the use of CPU")
    names = [node.name for node in nodes]
    values = merged(values_of(profiles(bench.chart)["minimal"]), merged(_VALUES, _VALUES_OF_LAST))
    secrets = {"fhir-token": {"token": "first"}, **SECRETS}
    with bench.release(NAMESPACE, values, secrets=secrets, chart=LAST_RELEASE) as release:
        ready(release, 2)
        report(f"installed the chart of {VERSION}: two workers are ready")
        _flow(bench, release, figures, report)
        report(f"reconcile: {beside.reconciled(release)}")
        _switch_on_every_workload(release, report)
        figures.policies_checked += policies.check_egress(
            bench.api, NAMESPACE, names, policies.EGRESS_OF_ALL
        )
        figures.policies_checked += policies.check_ingress(bench.api, NAMESPACE, names)
        report(f"policies: {figures.policies_checked} connections are as they should be")
        release.helm.test(RELEASE, timeout=300, logs=True)
        report("helm test passed (Helm 4)")
        _helm_3(bench, programs, "test", RELEASE, "--logs", "--timeout=5m")
        report("helm test passed (Helm 3)")
        release.helm.uninstall(RELEASE)
        _only_the_smoke_test_is_left(release)
        report("uninstalled: only the pod of helm test is left")


def _switch_on_every_workload(release: Release, report: Callable[[str], None]) -> None:
    """Upgrade to bridge, review page and backfill, and check that each does its work."""
    beside.put(beside.history())
    # fsGroup does not hold for a folder of the node.
    Path(POSITION_FOLDER).mkdir(mode=0o777, exist_ok=True)
    Path(POSITION_FOLDER).chmod(0o777)
    for each in claim(release.namespace):
        release.bench.api.create(each)
    number = release.worker()["spec"]["replicas"]
    fixed = {"autoscaling": {"kind": "none"}, "worker": {"replicas": number}}
    release.upgrade(merged(every_workload(), fixed))
    beside.areready(release)
    ready(release, number)
    report("bridge and review page are ready")
    beside.a_notification_becomes_findings()
    report("a notification became findings")
    beside.a_result_becomes_findings()
    report("an HL7 v2 result became findings")
    report(f"backfilled {beside.the_history_is_backfilled(release)} reports")


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


def _flow(bench: Bench, release: Release, figures: Figures, report: Callable[[str], None]) -> None:
    records = input_records(figures.published, BROKEN, seed=1)
    _load(records)
    report(f"the store has the patients and reports; {len(records)} records follow")
    disruptions = Disruptions(bench, release)
    steps = list(disruptions.steps())
    with _Publisher() as publisher:
        size = -(-len(records) // len(steps))
        for number, (name, disrupt) in enumerate(steps):
            publisher.publish(records[number * size : (number + 1) * size])
            disrupt()
            figures.disruptions += 1
            report(f"disruption: {name}")
    topics = Topics(
        address=KAFKA,
        group="oncofhir",
        inputs=tuple(_INPUTS.values()),
        outcomes="oncology.outcomes",
        phenotypes="oncology.phenotypes",
        dead_letters="oncology.dead-letters",
    )
    wait_until(lambda: not lag(KAFKA, topics.group, topics.inputs), "all is read", _DRAIN_SECONDS)
    store = FhirStore(FHIR)
    account = account_of(topics, store)
    store.close()
    figures.reports = account.reports
    figures.lost, figures.duplicates = len(account.lost), len(account.duplicates)
    for kind in ("lost", "duplicates", "order", "rows"):
        for line in getattr(account, kind)[:5]:
            report(f"{kind}: {line}")
    if account.lost or account.duplicates or account.order or account.rows:
        figures.faults.append("the account of the reports")
    report(f"accounted: {account.figures()}")


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


class _Publisher:
    def __enter__(self) -> Self:
        self._producer = KafkaProducer(bootstrap_servers=KAFKA, acks="all")
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()

    def publish(self, records: Sequence[InputRecord]) -> None:
        sent = [self._producer.send(_INPUTS[r.type], r.value, r.key) for r in records]
        for each in sent:
            each.get(timeout=60)


def _only_the_smoke_test_is_left(release: Release) -> None:
    """Wait for what the install page says of an uninstall: the pod of `helm test` stays, and no other."""

    def is_so() -> bool:
        return {pod["metadata"]["name"] for pod in release.pods()} <= {f"{RELEASE}-smoke-test"}

    wait_until(is_so, "only the smoke test's pod is left", 120)
