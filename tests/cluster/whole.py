"""The whole way on two nodes: reports flow through the chart's workers while these are disrupted in eight ways."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
from tests.cluster import policies
from tests.cluster.api import ApiError, wait_until
from tests.cluster.nodes import Node
from tests.cluster.profiles import RELEASE, WORKER, Bench, Fault, Release
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
_READY_SECONDS = 240.0
_DRAIN_SECONDS = 1_800.0


@dataclass
class Figures:
    """What the run counts."""

    reports: int = 0
    lost: int = 0
    duplicates: int = 0
    policies_checked: int = 0
    disruptions: int = 0
    faults: list[str] = field(default_factory=list)


def run(bench: Bench, nodes: list[Node], report: Callable[[str], None]) -> Figures:
    """Install, disrupt, account, test and uninstall; what goes wrong is among the faults."""
    figures = Figures()
    try:
        _run(bench, nodes, figures, report)
    except (Fault, ApiError, HelmError, TimeoutError, KafkaError, httpx2.HTTPError) as error:
        report(f"FAULT  {type(error).__name__}: {error}")
        figures.faults.append(f"{type(error).__name__}: {error}")
    return figures


def _run(bench: Bench, nodes: list[Node], figures: Figures, report: Callable[[str], None]) -> None:
    values = merged(values_of(profiles(bench.chart)["minimal"]), _VALUES)
    secrets = {"fhir-token": {"token": "first"}}
    with bench.release(NAMESPACE, values, secrets=secrets) as release:
        _ready(release, 2)
        report("installed: two workers are ready")
        names = [node.name for node in nodes]
        figures.policies_checked = policies.check(bench.api, NAMESPACE, names)
        report(f"policies: {figures.policies_checked} connections are as they should be")
        _flow(bench, release, figures, report)
        release.helm.test(RELEASE, timeout=300, logs=True)
        report("helm test passed")
        release.helm.uninstall(RELEASE)
        _only_the_smoke_test_is_left(release)
        report("uninstalled: only the pod of helm test is left")


def _flow(bench: Bench, release: Release, figures: Figures, report: Callable[[str], None]) -> None:
    records = input_records(REPORTS, BROKEN, seed=1)
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


@dataclass
class Disruptions:
    """What is done to the workers and to what they depend on, while reports flow."""

    bench: Bench
    release: Release

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Name and deed of each, in order."""
        yield "rolling upgrade", self._rolling_upgrade
        yield "all workers deleted", lambda: self._delete_workers(None)
        yield "all workers deleted by force", lambda: self._delete_workers(0)
        yield "a node drained under the disruption budget", self._drain
        yield "the model gone and back", self._model_gone
        yield "a model replica removed", self._model_replica_removed
        yield "a secret rotated", self._rotate_secret
        yield "autoscaling switched on", self._autoscale
        yield "rollback", self._roll_back

    def _rolling_upgrade(self) -> None:
        self.release.upgrade({"worker": {"logLevel": "DEBUG"}})
        _ready(self.release, 2)

    def _delete_workers(self, grace_seconds: int | None) -> None:
        before = _names(self.release)
        for name in before:
            path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
            self.bench.api.delete(path, grace_seconds=grace_seconds)
        wait_until(lambda: not before & _names(self.release), "the deleted workers are gone", 120)
        _ready(self.release, 2)

    def _drain(self) -> None:
        api, workers = self.bench.api, self.release.pods("worker")
        node = workers[0]["spec"]["nodeName"]
        api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}}, manager="drain")
        for pod in workers:
            if pod["spec"]["nodeName"] == node:
                wait_until(lambda pod=pod: self._evicted(pod), "a worker is evicted", 120)
        _ready(self.release, 2)
        api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": False}}, manager="drain")

    def _evicted(self, pod: dict[str, Any]) -> bool:
        name = pod["metadata"]["name"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": NAMESPACE},
        }
        try:
            self.bench.api.post(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction", eviction)
        except ApiError:  # the budget allows it when the other worker is ready again
            return False
        return True

    def _model_gone(self) -> None:
        self._scale_model(0)
        time.sleep(15)  # an outage that lasts
        self._scale_model(2)
        _ready(self.release, 2)

    def _model_replica_removed(self) -> None:
        self._scale_model(1)
        self._scale_model(2)

    def _scale_model(self, replicas: int) -> None:
        path = "/apis/apps/v1/namespaces/models/deployments/tgi"
        self.bench.api.patch(f"{path}/scale", {"spec": {"replicas": replicas}}, manager="test")
        wait_until(
            lambda: self.bench.api.get(path)["status"].get("readyReplicas", 0) == replicas,
            f"{replicas} replicas of the model",
            120,
        )

    def _rotate_secret(self) -> None:
        self.bench.api.patch(
            f"/api/v1/namespaces/{NAMESPACE}/secrets/fhir-token",
            {"stringData": {"token": "second"}},
            manager="test",
        )

    def _autoscale(self) -> None:
        self.release.upgrade({"autoscaling": {"kind": "hpa"}})
        found = self.release.worker()["spec"]["replicas"]
        if found != 2:
            raise Fault(f"two workers became {found}")
        _ready(self.release, 2)

    def _roll_back(self) -> None:
        self.release.helm.rollback(RELEASE, version=1)
        _ready(self.release, 2)


def _ready(release: Release, number: int) -> None:
    def is_ready() -> bool:
        found = release.worker()
        status, wanted = found["status"], found["metadata"]["generation"]
        return (
            status.get("observedGeneration") == wanted
            and status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == number
            and status.get("replicas", 0) == number
        )

    wait_until(is_ready, f"{number} replicas of {WORKER} are ready", _READY_SECONDS)


def _names(release: Release) -> set[str]:
    return {pod["metadata"]["name"] for pod in release.pods("worker")}


def _only_the_smoke_test_is_left(release: Release) -> None:
    """Wait for what the install page says of an uninstall: the pod of `helm test` stays, and no other."""

    def is_so() -> bool:
        return {pod["metadata"]["name"] for pod in release.pods()} <= {f"{RELEASE}-smoke-test"}

    wait_until(is_so, "only the smoke test's pod is left", 120)
