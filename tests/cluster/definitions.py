"""The definitions of the custom resources that the chart uses, by which the API server validates them.

KEDA's and the Prometheus operator's are their own, out of their Go modules. Strimzi publishes no Go module: its kinds
are open for any field here, and `make helm-check` compares the fields with Strimzi's documentation.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from helm.check.custom_resources import OURS
from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.programs import CannotBuild, cache

# Module and version, and the folder of its definitions.
OPERATORS = {
    "github.com/kedacore/keda/v2@v2.21.0": "config/crd/bases",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
}


def define_custom_resources(api: Api) -> None:
    """Define them, and wait until the API server serves them.

    Raises:
        CannotBuild: the operators' modules can be had neither from the cache nor from the Go proxy.
    """
    real = operators_definitions()
    for version, kind in OURS:
        group, _, name = version.partition("/")
        definition = real.get((group, kind)) or _open(group, name, kind)
        # Server-side apply, for definitions are too large for what `kubectl apply` notes on an object.
        api.apply(definition, manager="test")
        path = f"/apis/{version}/namespaces/default/{definition['spec']['names']['plural']}"
        wait_until(lambda path=path: api.exists(path), f"{kind} is served")


def operators_definitions() -> dict[tuple[str, str], Manifest]:
    """The operators' own definitions, by group and kind.

    Raises:
        CannotBuild: a module can be had neither from the cache nor from the Go proxy.
    """
    groups = {kind: version.partition("/")[0] for version, kind in OURS}
    found = {}
    for module, folder in OPERATORS.items():
        files = _files(module, folder)
        for kind, group in groups.items():
            file = files / f"{group}_{kind.lower()}s.yaml"
            if file.is_file():
                definition: Manifest = yaml.safe_load(file.read_text())
                found[group, kind] = definition
    return found


def _files(module: str, folder: str) -> Path:
    kept = cache() / "definitions" / module.replace("/", "_")
    if not kept.is_dir():
        partial = kept.with_name(f"{kept.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(_downloaded(module) / folder, partial)
        partial.rename(kept)
    return kept


def _downloaded(module: str) -> Path:
    if shutil.which("go") is None:
        raise CannotBuild("Go is needed to download the operators' definitions")
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotBuild(f"cannot download {module}: {done.stderr.strip()[-300:]}")
    return Path(json.loads(done.stdout)["Dir"])


def _open(group: str, version: str, kind: str) -> Manifest:
    schema: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
