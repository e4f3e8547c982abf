"""A GPU that is not there: a device plugin registers it with the kubelet, and its node is labelled and tainted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oncofhir.demo.process import Process
from tests.cluster.api import Api, wait_until
from tests.cluster.releases import Fault, Release

RESOURCE = "nvidia.com/gpu"
# As sites with a GPU operator have it; the profile selects the one and tolerates the other.
_LABELS = {"nvidia.com/gpu.present": "true"}
_TAINT = {"key": RESOURCE, "value": "present", "effect": "NoSchedule"}


@contextmanager
def gpu(api: Api, programs: Path) -> Iterator[str]:
    """Give one node one GPU for as long as the context, and yield the name of the node.

    The kubelet that started last has the socket that plugins register at: there is one for the machine.
    """
    plugin = Process(
        "gpu-device-plugin",
        [str(programs / "gpu-device-plugin"), f"--resource={RESOURCE}", "--count=1"],
        ready=lambda: bool(_nodes(api)),
    )
    with plugin:
        (node,) = _nodes(api)
        path = f"/api/v1/nodes/{node}"
        api.patch(path, {"metadata": {"labels": _LABELS}}, manager="gpu")
        api.patch(path, {"spec": {"taints": [_TAINT]}}, manager="gpu")
        yield node
        api.patch(path, {"spec": {"taints": None}}, manager="gpu")


def _nodes(api: Api) -> list[str]:
    return [
        node["metadata"]["name"]
        for node in api.items("/api/v1/nodes")
        if int(node["status"].get("allocatable", {}).get(RESOURCE, 0))
    ]


def the_model_has_the_gpu(release: Release, node: str) -> None:
    """The model server is on the node with the GPU, and no other pod is.

    Raises:
        Fault: it is elsewhere, or another pod went where it is not wanted.
    """
    found = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["spec"]["nodeName"]
        for pod in release.pods()
        if "nodeName" in pod["spec"]
    }
    there = {component for component, its in found.items() if its == node}
    if there != {"model"}:
        raise Fault(f"on {node}, which has the GPU, are {sorted(there)}")


def a_second_model_waits_for_a_gpu(release: Release) -> None:
    """A second replica finds no GPU, and the scheduler says so.

    Raises:
        Fault: it is placed, or nothing says why it is not.
    """
    api = release.bench.api
    path = f"/apis/apps/v1/namespaces/{release.namespace}/deployments/oncofhir-model/scale"
    api.patch(path, {"spec": {"replicas": 2}}, manager="test")

    def refused() -> bool:
        return any(
            f"Insufficient {RESOURCE}" in condition.get("message", "")
            for pod in release.pods("model")
            for condition in pod["status"].get("conditions", [])
        )

    try:
        wait_until(refused, "the scheduler finds no second GPU", 60)
    except TimeoutError as error:
        raise Fault(str(error)) from error
    finally:
        api.patch(path, {"spec": {"replicas": 1}}, manager="test")
