"""The definitions of the custom resources that the chart uses, open for any field.

`make helm-check` compares the fields with the operators' documentation; here the API server only has to
know the kinds.
"""

from helm.check.custom_resources import OURS
from tests.cluster.api import Api, Manifest, wait_until


def define_custom_resources(api: Api) -> None:
    """Define them, and wait until the API server serves them."""
    for version, kind in OURS:
        group, _, name = version.partition("/")
        plural = f"{kind.lower()}s"
        api.create(_definition(group, name, kind, plural))
        path = f"/apis/{version}/namespaces/default/{plural}"
        wait_until(lambda path=path: api.exists(path), f"{kind} is served")


def _definition(group: str, version: str, kind: str, plural: str) -> Manifest:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
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
