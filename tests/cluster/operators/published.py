"""What an operator publishes in its Go module, such as its definitions and its manifests, and its pods on this cluster.

Read from the module when it is needed, and kept in the cache; nothing of it is in the repository.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.images import BASE
from tests.cluster.programs import CannotBuild, cache

KEDA = "github.com/kedacore/keda/v2@v2.21.0"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
# The folders of their definitions.
DEFINITIONS = {KEDA: "config/crd/bases", PROMETHEUS: "example/prometheus-operator-crd"}
_USER = 65532


class _Loader(yaml.CSafeLoader):
    """YAML 1.2 in this: an equals sign, which a definition has among its values, is text."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)


def folder_of(module: str, folder: str) -> Path:
    """A folder of a module.

    Raises:
        CannotBuild: the module can be had neither from the cache nor from the Go proxy.
    """
    kept = cache() / "definitions" / f"{module}/{folder}".replace("/", "_")
    if not kept.is_dir():
        partial = kept.with_name(f"{kept.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(_downloaded(module) / folder, partial)
        partial.rename(kept)
    return kept


def manifests_of(folder: Path, *names: str) -> Iterator[Manifest]:
    """The objects in files of a folder, in the order of the files; of all its files where none is named."""
    for file in [folder / name for name in names] or sorted(folder.glob("*.yaml")):
        for each in yaml.load_all(file.read_text(), Loader=_Loader):
            if each.get("kind") not in {None, "Kustomization"}:
                yield each


def define(api: Api, definitions: Path) -> None:
    """Define the custom resources of a folder, and wait until the API server serves them."""
    for each in manifests_of(definitions):
        api.apply(each, manager="test")
        path = api.path_of(each)
        wait_until(lambda path=path: _is_established(api, path), f"{path} is served")


def _is_established(api: Api, path: str) -> bool:
    return conditions(api.get(path)).get("Established") == "True"


def conditions(found: Manifest) -> dict[str, str]:
    """The conditions in the status of an object: True, False or Unknown, by type."""
    stated = found.get("status", {}).get("conditions") or []
    return {each["type"]: each["status"] for each in stated}


def on_this_cluster(deployment: Manifest, programs: Path, command: str) -> Manifest:
    """The Deployment with its one container's program out of the cache, for its image cannot be had here."""
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mount, volume = from_programs(programs)
    container |= {
        "image": BASE,
        "imagePullPolicy": "Never",
        "command": [f"/programs/{command}"],
        "volumeMounts": [*container.get("volumeMounts", []), mount],
    }
    pod["volumes"] = [*pod.get("volumes", []), volume]
    pod["securityContext"]["runAsUser"] = _USER  # as in the operators' images
    pod["nodeSelector"] = {"kubernetes.io/hostname": "node1"}
    return deployment


def from_programs(programs: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mount and the volume of the Go programs."""
    mount = {"name": "programs", "mountPath": "/programs", "readOnly": True}
    return mount, {"name": "programs", "hostPath": {"path": str(programs)}}


def _downloaded(module: str) -> Path:
    if shutil.which("go") is None:
        raise CannotBuild("Go is needed to download the operators' definitions")
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotBuild(f"cannot download {module}: {done.stderr.strip()[-300:]}")
    return Path(json.loads(done.stdout)["Dir"])
