"""What is done to the workers and to what they depend on, while reports flow."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.cluster.api import ApiError, wait_until
from tests.cluster.last_release import VERSION
from tests.cluster.releases import RELEASE, WORKER, Bench, Fault, Release

_WORKERS_BEFORE_SCALING = 3
_SCALING_SECONDS = 60.0
_READY_SECONDS = 300.0


@dataclass
class Disruptions:
    """What is done to the workers and to what they depend on, while reports flow."""

    bench: Bench
    release: Release

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Name and action of each, in order."""
        yield "upgrade from the chart of the last release", self._upgrade_from_last
        yield "rollback to it", self._roll_back
        yield "rolling upgrade", self._rolling_upgrade
        yield "all workers deleted", lambda: self._delete_workers(None)
        yield "all workers deleted by force", lambda: self._delete_workers(0)
        yield "a node drained under the disruption budget", self._drain
        yield "the model gone and back", self._model_gone
        yield "a model replica removed", self._model_replica_removed
        yield "a secret rotated", self._rotate_secret
        yield "autoscaling switched on", self._autoscale

    def _upgrade_from_last(self) -> None:
        self.release.upgrade()
        ready(self.release, 2)
        chart = self.release.worker()["metadata"]["labels"]["helm.sh/chart"]
        if chart.endswith(VERSION):
            raise Fault(f"the chart is still {chart}")

    def _rolling_upgrade(self) -> None:
        self.release.upgrade({"worker": {"logLevel": "DEBUG"}})
        ready(self.release, 2)

    def _delete_workers(self, grace_seconds: int | None) -> None:
        before = _names(self.release)
        for name in before:
            path = f"/api/v1/namespaces/{self.release.namespace}/pods/{name}"
            self.bench.api.delete(path, grace_seconds=grace_seconds)
        wait_until(lambda: not before & _names(self.release), "the deleted workers are gone", 120)
        ready(self.release, 2)

    def _drain(self) -> None:
        api, workers = self.bench.api, self.release.pods("worker")
        node = workers[0]["spec"]["nodeName"]
        api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}}, manager="drain")
        evicted = [pod for pod in workers if pod["spec"]["nodeName"] == node]
        for pod in evicted:
            wait_until(lambda pod=pod: self._evicted(pod), "a worker is evicted", 120)
        before = {pod["metadata"]["name"] for pod in evicted}
        wait_until(lambda: not before & _names(self.release), "the evicted workers are gone", 120)
        ready(self.release, 2)
        api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": False}}, manager="drain")

    def _evicted(self, pod: dict[str, Any]) -> bool:
        name = pod["metadata"]["name"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.release.namespace},
        }
        try:
            self.bench.api.post(
                f"/api/v1/namespaces/{self.release.namespace}/pods/{name}/eviction", eviction
            )
        except ApiError:  # the budget allows it when the other worker is ready again
            return False
        return True

    def _model_gone(self) -> None:
        self._scale_model(0)
        time.sleep(15)  # an outage that lasts
        self._scale_model(2)
        ready(self.release, 2)

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
            f"/api/v1/namespaces/{self.release.namespace}/secrets/fhir-token",
            {"stringData": {"token": "second"}},
            manager="test",
        )

    def _autoscale(self) -> None:
        before = _WORKERS_BEFORE_SCALING
        self.release.upgrade({"worker": {"replicas": before}})
        ready(self.release, before)
        workers = _names(self.release)
        self.release.upgrade({"autoscaling": {"kind": "hpa"}})
        path = f"/apis/autoscaling/v2/namespaces/{self.release.namespace}/horizontalpodautoscalers/{WORKER}"
        ends = time.monotonic() + _SCALING_SECONDS
        conditions: dict[str, str] = {}
        while time.monotonic() < ends or conditions.get("ScalingActive") != "True":
            number = self.release.worker()["spec"]["replicas"]
            ended = workers - _names(self.release)
            if number < before or ended:
                raise Fault(f"autoscaling switched on: {before} became {number}, ended: {ended}")
            status = self.bench.api.get(path).get("status", {})
            conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
            if time.monotonic() > ends + _READY_SECONDS:
                raise Fault(f"the autoscaler has no metrics: {status}")
            time.sleep(0.5)

    def _roll_back(self) -> None:
        self.release.helm.rollback(RELEASE, version=1)
        ready(self.release, 2)


def ready(release: Release, number: int) -> None:
    """Wait until a number of workers is ready, and no other worker is left."""

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
