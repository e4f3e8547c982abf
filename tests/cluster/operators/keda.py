"""KEDA at work: it reads the lag of the consumer group and scales the workers by a HorizontalPodAutoscaler.

Operator and metrics server run with their own manifests and rights. The admission webhook does not run.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.topics import lag
from tests.cluster.api import Api, wait_until
from tests.cluster.flow import Flow
from tests.cluster.manifests import wait_ready
from tests.cluster.operators.published import (
    KEDA,
    conditions,
    define,
    folder_of,
    manifests_of,
    on_this_cluster,
)
from tests.cluster.releases import WORKER, Fault, Release
from tests.cluster.workloads import KAFKA

_NAMESPACE = "keda"
# In the order of creation: namespace, account and rights before what needs them.
_FOLDERS = ("general", "service_account", "rbac", "manager", "metrics-server")
_READY_SECONDS = 180.0
# One worker goes in 120 s at most (scaleDown in the chart).
_DOWN_SECONDS = 600.0
_VALUES: dict[str, Any] = {
    "autoscaling": {
        "kind": "keda",
        "minReplicas": 1,
        "maxReplicas": 3,
        "lagThreshold": 5,
        "pollingInterval": 5,
        "scaleDownStabilizationSeconds": 15,
    }
}


def start(api: Api, programs: Path) -> None:
    """Start operator and metrics server, and wait until the API server has the metrics of both."""
    configuration = folder_of(KEDA, "config")
    define(api, configuration / "crd/bases")
    for folder in _FOLDERS:
        for each in manifests_of(configuration / folder):
            if each["kind"] == "Deployment":
                on_this_cluster(each, programs, each["metadata"]["name"])
            api.create(each)
    for name in ("keda-operator", "keda-metrics-apiserver"):
        wait_ready(api, _NAMESPACE, name)
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
    wait_until(
        lambda: conditions(api.get(path)).get("Available") == "True",
        "the API server has KEDA's metrics",
        _READY_SECONDS,
    )


@dataclass
class ScalingByLag:
    """KEDA scales the workers of a release while reports flow."""

    release: Release
    flow: Flow
    report: Callable[[str], None]

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The name and the action of each, in order."""
        yield "KEDA takes over from the autoscaler", self._take_over
        yield "KEDA scales on a backlog", self._scale

    def _take_over(self) -> None:
        """The number that the other left is kept at first, and falls by one worker in 120 s."""
        self.release.upgrade(_VALUES)
        scales(self.release)
        wait_until(lambda: self._lag() == 0, "all is read", _DOWN_SECONDS)
        wait_until(lambda: self._number() == 1, "one worker is left", _DOWN_SECONDS)

    def _scale(self) -> None:
        """Published just before: from 1 worker to more, and back to 1 when all is read."""
        began, most = time.monotonic(), 1

        def is_back() -> bool:
            nonlocal most
            most = max(most, self._number())
            # A worker that is not ready for a moment is no scaling back: all must be read too.
            return most > 1 and self._number() == 1 and self._lag() == 0

        try:
            wait_until(is_back, "more workers than 1, and 1 again", _DOWN_SECONDS)
        except TimeoutError as error:
            raise Fault(f"{error}: at most {most}, lag {self._lag()}") from error
        self.report(f"KEDA: 1 worker, {most}, 1 in {time.monotonic() - began:.0f} s")

    def _number(self) -> int:
        return int(self.release.worker()["status"].get("readyReplicas", 0))

    def _lag(self) -> int | None:
        topics = self.flow.topics
        return lag(KAFKA, topics.group, topics.inputs)


def scales(release: Release) -> None:
    """Wait until KEDA reads the lag, and the autoscaler that it made has it.

    Raises:
        Fault: KEDA cannot read it; the message has what it says.
    """
    api, namespace = release.bench.api, release.namespace
    scaled = f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects/{WORKER}"
    autoscalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"

    def is_scaling() -> bool:
        found = [*map(conditions, api.items(autoscalers))]
        return conditions(api.get(scaled)).get("Ready") == "True" and any(
            each.get("ScalingActive") == "True" for each in found
        )

    try:
        wait_until(is_scaling, "KEDA scales", _READY_SECONDS)
    except TimeoutError as error:
        said = [each.get("status") for each in (api.get(scaled), *api.items(autoscalers))]
        raise Fault(f"{error}: {said}") from error
