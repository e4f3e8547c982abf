"""The chart's workloads beside the workers: bridge, review page, backfill and reconcile, each working on the cluster."""

import json
import socket
from typing import Any

import httpx2

from oncofhir.ingest.mllp.framing import framed
from tests.chaos.reports import InputRecord, input_records
from tests.cluster.api import ApiError, Manifest, wait_until
from tests.cluster.every_workload import BRIDGE_SECRET, HISTORY_SYSTEM, SUBSCRIPTION
from tests.cluster.images import PROJECT
from tests.cluster.policies import ENTRANCES
from tests.cluster.releases import Fault, Release
from tests.cluster.workloads import FHIR
from tests.hl7v2_messages import obr, obx, oru
from tests.integration.ingest.subscription_server import SubscriptionServer

_HISTORY = 12
_PATIENT = {
    "resourceType": "Patient",
    "id": "laboratory-patient",
    "identifier": [{"system": "urn:oid:1.2.826.0.1.1", "value": "MRN-1"}],
}
_TEXT = "Final diagnosis: Left (left breast), invasive ductal carcinoma, grade 2.\nTumor size: 2.1 cm.\n"
_SECONDS = 300.0


def history() -> list[dict[str, Any]]:
    """Reports that are in the store and on no topic, and their patients before them."""
    found: list[dict[str, Any]] = []
    for record in input_records(_HISTORY * 2, 0, seed=2):
        report = _renamed(record)
        if report["resourceType"] == "DiagnosticReport" and report["status"] == "final":
            patient = report["subject"]["reference"].partition("/")[2]
            found += [{"resourceType": "Patient", "id": patient}, report]
    return found


def _renamed(record: InputRecord) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(record.value)
    identifier = {"system": HISTORY_SYSTEM, "value": "history"}
    name = report["id"].replace("chaos", "history")
    subject = {"reference": f"Patient/{name}"}
    return report | {"id": name, "subject": subject, "identifier": [identifier]}


def put(resources: list[dict[str, Any]]) -> None:
    """Put resources into the store, in order."""
    with httpx2.Client(trust_env=False, timeout=30.0) as http:
        for each in resources:
            url = f"{FHIR}/{each['resourceType']}/{each['id']}"
            http.put(url, json=each).raise_for_status()


def a_notification_becomes_findings() -> None:
    """A FHIR server's notification of a report ends as a Condition of that report in the store.

    Raises:
        Fault: the bridge refuses it, or nothing comes of it.
    """
    record = next(r for r in input_records(20, 0, seed=3) if r.type == "DiagnosticReport")
    report: dict[str, Any] = json.loads(record.value) | {"id": "notified"}
    report["subject"] = {"reference": "Patient/notified"}
    put([{"resourceType": "Patient", "id": "notified"}, report])
    server = SubscriptionServer(SUBSCRIPTION)
    number = server.store(report)
    host, port = ENTRANCES["bridge"]
    answer = httpx2.post(
        f"http://{host}:{port}/subscriptions/{SUBSCRIPTION}",
        json=server.notification(number, content="full-resource"),
        headers={
            "authorization": f"Bearer {BRIDGE_SECRET}",
            "content-type": "application/fhir+json",
        },
        trust_env=False,
        timeout=30.0,
    )
    if not answer.is_success:
        raise Fault(f"the bridge answers a notification with {answer.status_code}")
    _condition_of("Patient/notified")


def a_result_becomes_findings() -> None:
    """An HL7 v2 result that the bridge acknowledges ends as a Condition of its patient in the store.

    Raises:
        Fault: the bridge refuses it, or nothing comes of it.
    """
    put([_PATIENT])
    lines = [obx(line, n=n) for n, line in enumerate(_TEXT.splitlines(), 1)]
    message = oru(obr(), *lines).encode()
    with socket.create_connection(ENTRANCES["mllp"], 30) as connection:
        connection.settimeout(60)
        connection.sendall(framed(message))
        answer = connection.recv(4096)
    if b"|AA|" not in answer:
        raise Fault("the bridge does not acknowledge a result")
    _condition_of(f"Patient/{_PATIENT['id']}")


def the_history_is_backfilled(release: Release) -> int:
    """The backfill's Job completes, and its reports have findings; return how many reports.

    Raises:
        Fault: the Job fails, or reports have no findings.
    """
    (job,) = (each for each in release.objects() if "-backfill-" in each["metadata"]["name"])
    path = release.bench.api.path_of(job)

    def is_complete() -> bool:
        found = release.bench.api.get(path)["status"].get("conditions", [])
        ended = {each["type"] for each in found if each["status"] == "True"}
        if "Failed" in ended:
            raise Fault(f"the backfill failed: {found}")
        return "Complete" in ended

    wait_until(is_complete, "the backfill is complete", _SECONDS)
    reports = [each for each in history() if each["resourceType"] == "DiagnosticReport"]
    for report in reports:
        _condition_of(report["subject"]["reference"])
    return len(reports)


def reconciled(release: Release) -> dict[str, Any]:
    """Run `oncofhir reconcile` in the namespace of the release, and return its summary.

    Raises:
        Fault: it finds a problem, or cannot run.
    """
    name = "reconcile"
    pod: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": release.namespace},
        "spec": _like_a_worker(release, name, ["reconcile", "--json"]),
    }
    api = release.bench.api
    api.create(pod)
    path = api.path_of(pod)
    wait_until(
        lambda: api.get(path)["status"]["phase"] in {"Succeeded", "Failed"}, "it ends", _SECONDS
    )
    said = api.text(f"{path}/log").strip().splitlines()
    status = api.get(path)["status"]
    api.delete(path, grace_seconds=0)
    if status["phase"] != "Succeeded":
        raise Fault(f"reconcile: {said[-3:]}")
    # What it says beside its result may come later: the log is of two streams.
    (summary,) = (line for line in said if line.startswith('{"summary"'))
    return dict(json.loads(summary))


def _like_a_worker(release: Release, name: str, arguments: list[str]) -> dict[str, Any]:
    """The pod of a worker, with another command and no probes."""
    spec: dict[str, Any] = release.worker()["spec"]["template"]["spec"]
    container = {
        key: value for key, value in spec["containers"][0].items() if not key.endswith("Probe")
    }
    container |= {"name": name, "args": arguments, "image": PROJECT}
    return spec | {"containers": [container], "restartPolicy": "Never"}


def _condition_of(subject: str) -> None:
    def is_found() -> bool:
        answer = httpx2.get(
            f"{FHIR}/Condition", params={"subject": subject}, trust_env=False, timeout=30.0
        )
        return bool(answer.raise_for_status().json().get("entry"))

    try:
        wait_until(is_found, f"a Condition of {subject}", _SECONDS)
    except TimeoutError as error:
        raise Fault(str(error)) from error


def are_ready(release: Release) -> None:
    """Bridge and review page are ready: all their probes succeed.

    Raises:
        Fault: one of them is not; the message has what its container said last.
    """
    api = release.bench.api
    for component in ("bridge", "review"):
        name = f"{release.namespace}-{component}"
        path = f"/apis/apps/v1/namespaces/{release.namespace}/deployments/{name}"
        try:
            wait_until(
                lambda path=path: api.get(path)["status"].get("readyReplicas", 0) == 1,
                f"{component} is ready",
                _SECONDS,
            )
        except (TimeoutError, ApiError) as error:
            said = [pod["status"].get("containerStatuses") for pod in release.pods(component)]
            raise Fault(f"{error}: {said}") from error
