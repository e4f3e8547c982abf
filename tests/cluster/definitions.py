"""The definitions of the custom resources that the chart uses, by which the API server validates them.

KEDA's and the Prometheus operator's are their own, out of their Go modules. Strimzi publishes no Go module: its kinds
are open for any field here, and `make helm-check` compares the fields with Strimzi's documentation.
"""

from typing import Any

from helm.check.custom_resources import OURS
from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.operators.published import DEFINITIONS, folder_of, manifests_of


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
    for module, name in DEFINITIONS.items():
        folder = folder_of(module, name)
        for kind, group in groups.items():
            file = folder / f"{group}_{kind.lower()}s.yaml"
            if file.is_file():
                found[group, kind] = next(manifests_of(folder, file.name))
    return found


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
