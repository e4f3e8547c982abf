"""Manifests of what the test cluster runs beside the chart: a pod with files, scratch space and folders of this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.api import Api, Manifest, wait_until

_JAVA = "/usr/lib/jvm"
_START_SECONDS = 240.0


def wait_ready(api: Api, namespace: str, name: str) -> None:
    """Wait until all replicas of a Deployment are ready."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"

    def is_ready() -> bool:
        found = api.get(path)
        return found["status"].get("readyReplicas", 0) == found["spec"]["replicas"]

    wait_until(is_ready, f"{name} is ready", _START_SECONDS)


def java() -> tuple[str, dict[str, str]]:
    """The folder of the JDK's programs, and the folders of this machine that a pod needs for them."""
    home = next(Path(_JAVA).glob("java-*-openjdk-*"))
    folders = {"jvm": _JAVA}
    # The JDK of Debian keeps its configuration in /etc.
    configuration = f"/etc/{home.name.rsplit('-', 1)[0]}"
    if Path(configuration).is_dir():
        folders["etc"] = configuration
    return f"{home}/bin", folders


def named(name: str, namespace: str) -> dict[str, Any]:
    """The metadata of an object."""
    return {"name": name, "namespace": namespace}


def files(name: str, namespace: str, data: dict[str, str]) -> Manifest:
    """A ConfigMap of files, for the Deployment of the same name."""
    metadata = named(name, namespace)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(
    name: str,
    namespace: str,
    selector: dict[str, str],
    ports: list[dict[str, Any]],
    **more: Any,
) -> Manifest:
    """A Service; `more` is of its specification."""
    spec = {"selector": selector, "ports": ports, **more}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named(name, namespace),
        "spec": spec,
    }


def deployment(
    name: str,
    namespace: str,
    container: dict[str, Any],
    folders: dict[str, str],
    labels: dict[str, str],
    *,
    replicas: int = 1,
    beside: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> Manifest:
    """A Deployment on node 1, with its ConfigMap, scratch space, and read-only folders of this machine.

    The containers in `beside` have the same volumes.
    """
    on_host = {"programs": "/programs", "jars": "/jars", "source": "/source"}
    mounts = [
        {"name": "configuration", "mountPath": "/configuration"},
        {"name": "data", "mountPath": "/data"},
        *(
            {"name": key, "mountPath": on_host.get(key, path), "readOnly": True}
            for key, path in folders.items()
        ),
    ]
    volumes = [
        {"name": "configuration", "configMap": {"name": name}},
        {"name": "data", "emptyDir": {}},
        *({"name": key, "hostPath": {"path": path}} for key, path in folders.items()),
    ]
    pod = {
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/hostname": "node1"},
        "containers": [
            each | {"volumeMounts": mounts, "imagePullPolicy": "Never"}
            for each in (container, *beside)
        ],
        "volumes": volumes,
        **more,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": named(name, namespace),
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def claimed_folder(
    name: str, namespace: str, folder: str, *, mode: str, size: str, **more: Any
) -> list[Manifest]:
    """A volume that is a folder of this machine, and a claim on it; `more` is of the volume's spec."""
    common = {"accessModes": [mode], "storageClassName": ""}
    capacity = {"storage": size}
    volume: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            **common,
            "capacity": capacity,
            "hostPath": {"path": folder, "type": "Directory"},
            **more,
        },
    }
    claim: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": named(name, namespace),
        "spec": {**common, "resources": {"requests": capacity}, "volumeName": name},
    }
    return [volume, claim]
