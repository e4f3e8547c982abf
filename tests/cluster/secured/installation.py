"""The chart with a model server on a GPU, and no connection in the clear: installed, used, tested and accounted."""

from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from helm.check.rendering import merged, profiles, values_of
from tests.chaos.reports import input_records, sources
from tests.chaos.store import FhirStore
from tests.cluster import beside
from tests.cluster.api import Manifest, wait_until
from tests.cluster.certificates import Authority
from tests.cluster.disruptions import ready
from tests.cluster.flow import Flow, add
from tests.cluster.operators import keda, prometheus
from tests.cluster.releases import RELEASE, Bench, Fault, Release
from tests.cluster.secured import gpu, peers
from tests.cluster.steps import Steps
from tests.cluster.workloads import KAFKA_SECURED, PASSWORD, USER

NAMESPACE = "secured"
_REPORTS, _BROKEN = 100, 4
_WARM_UP_SECONDS = 25  # as in launcher.sh
_READY_SECONDS = 300.0
_FLOW = Flow(
    group="secured",
    diagnostic_report="secured.diagnostic-report",
    document_reference="secured.document-reference",
    prefix="secured",
)
_CA = {"name": "hospital-ca"}
_SMALL = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}


def _values(chart: Path) -> dict[str, Any]:
    """The profile for a GPU, with what this cluster has: no Strimzi, little memory."""
    flow = _FLOW.topics
    changes = {
        "image": {"digest": "", "tag": "0.2.0"},
        "kafka": {
            "bootstrapServers": KAFKA_SECURED,
            "groupId": _FLOW.group,
            "securityProtocol": "SASL_SSL",
            "sasl": {
                "mechanism": "SCRAM-SHA-512",
                "username": USER,
                "passwordSecret": {"name": "oncofhir-kafka"},
            },
            "tls": {"caSecret": _CA},
            "topics": {
                "diagnosticReport": _FLOW.diagnostic_report,
                "documentReference": _FLOW.document_reference,
                "phenotype": flow.phenotypes,
                "outcome": flow.outcomes,
                "deadLetter": flow.dead_letters,
            },
            "partitions": 4,
            "replicationFactor": 1,
        },
        "strimzi": {"enabled": False},
        "fhir": {"baseUrl": peers.FHIR, "caSecret": _CA},
        "model": {"server": {"resources": _SMALL, "digestResources": _SMALL, "loadMinutes": 5}},
        "worker": {"replicas": 2, "resources": _SMALL},
        "autoscaling": {"minReplicas": 2, "maxReplicas": 4},
        "tracing": {"endpoint": ""},
        "networkPolicy": {
            "kafka": {"to": [_namespace("kafka")]},
            "fhir": {"to": [_namespace(peers.FHIR_NAMESPACE)]},
        },
    }
    return merged(values_of(profiles(chart)["gpu-tgi"]), changes)


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _secrets(authority: Authority) -> dict[str, dict[str, str]]:
    return {
        "hospital-ca": {"ca.crt": authority.certificate},
        "oncofhir-kafka": {"password": PASSWORD},
        "oncofhir-fhir": {"token": "of-no-account"},
        "oncofhir-model-tls": authority.server(f"{RELEASE}-model.{NAMESPACE}.svc"),
    }


def run(bench: Bench, programs: Path, authority: Authority, steps: Steps) -> None:
    """Install it, let reports flow while the model server is replaced, account, test and uninstall."""
    with steps.step("HAPI FHIR starts behind TLS"):
        peers.start_fhir(bench.api, authority)
    digest = peers.weights()
    with (
        steps.step("everything encrypted"),
        gpu.gpu(bench.api, programs) as node,
        bench.release(NAMESPACE, _values(bench.chart), secrets=_secrets(authority)) as release,
    ):
        for each in peers.weights_claim(NAMESPACE):
            bench.api.create(each)
        with steps.step("workers name the model that they wait for, until it is warm"):
            _wait_for_a_warm_model(release)
        with steps.step("the model server alone is on the node with the GPU"):
            gpu.the_model_has_the_gpu(release, node)
        with steps.step("KEDA reads the lag over SCRAM and TLS, as the worker's user"):
            keda.scales(release)
        with steps.step("Prometheus scrapes the workers, and evaluates the alerts"):
            prometheus.scrapes(release, "worker")
        store = FhirStore(peers.FHIR, verify=authority.client_context())
        try:
            with steps.step("reports flow while the model server is replaced on its only GPU"):
                _flow(release, store, steps)
            with steps.step("findings name the weights by their digest"):
                _cites(store, digest)
        finally:
            store.close()
        with steps.step("a second model server waits for a GPU"):
            gpu.a_second_model_waits_for_a_gpu(release)
        with steps.step("oncofhir reconcile finds no problem (HAPI FHIR)"):
            steps.report(f"reconcile: {beside.reconciled(release)}")
        with steps.step("helm test over SCRAM and TLS"):
            release.smoke_test()


def _wait_for_a_warm_model(release: Release) -> None:
    seen: set[str] = set()

    def is_warm() -> bool:
        seen.update(_waited_for(release))
        return any(_condition(pod, "Ready") for pod in release.pods("model"))

    wait_until(is_warm, "the model is ready", _READY_SECONDS)
    (pod,) = release.pods("model")
    (server,) = (c for c in pod["status"]["containerStatuses"] if c["name"] == "model")
    started = datetime.fromisoformat(server["state"]["running"]["startedAt"])
    became = datetime.fromisoformat(_condition(pod, "Ready"))
    if (became - started).total_seconds() < _WARM_UP_SECONDS or server["restartCount"]:
        raise Fault(f"started {started}, ready {became}, restarted {server['restartCount']} times")
    if "model" not in seen:
        raise Fault(f"/ready of the workers named {sorted(seen)}, not the model")
    ready(release, 2)
    restarted = [c for pod in release.pods("worker") for c in pod["status"]["containerStatuses"]]
    if any(each["restartCount"] for each in restarted):
        raise Fault("a worker was restarted while it waited")


def _waited_for(release: Release) -> set[str]:
    """What `/ready` of the workers names; this process is on their node, which policies let pass."""
    found = set()
    for pod in release.pods("worker"):
        if address := pod["status"].get("podIP"):
            try:
                answer = httpx2.get(f"http://{address}:8080/ready", trust_env=False, timeout=5.0)
            except httpx2.HTTPError:  # not yet listening
                continue
            found.add(answer.json().get("waiting_for", ""))
    return found


def _condition(pod: Manifest, kind: str) -> str:
    """When a condition of a pod became true; empty when it is not."""
    return next(
        (
            str(each["lastTransitionTime"])
            for each in pod["status"].get("conditions", [])
            if each["type"] == kind and each["status"] == "True"
        ),
        "",
    )


def _flow(release: Release, store: FhirStore, steps: Steps) -> None:
    records = input_records(_REPORTS, _BROKEN, seed=4)
    store.hold(sources(records))
    _FLOW.publish(records[: len(records) // 2])
    before = {pod["metadata"]["name"] for pod in release.pods("model")}
    release.upgrade({"model": {"server": {"podAnnotations": {"example.com/replaced": "yes"}}}})
    _FLOW.publish(records[len(records) // 2 :])

    def is_replaced() -> bool:
        pods = release.pods("model")
        names = {pod["metadata"]["name"] for pod in pods}
        return bool(names) and not names & before and all(_condition(p, "Ready") for p in pods)

    wait_until(is_replaced, "the model server is replaced", _READY_SECONDS)
    account = _FLOW.accounted(store)
    steps.report(f"accounted: {account.figures()}")
    add(account, steps.figures)
    if account.dead_letters != _BROKEN:
        raise Fault(f"{account.dead_letters} dead letters, not {_BROKEN}")


def _cites(store: FhirStore, digest: str) -> None:
    devices = list(store.all_of("Device"))
    if not any(digest in str(device) for device in devices):
        raise Fault(f"no Device has {digest[:12]}: {devices}")
