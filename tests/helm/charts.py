"""Renders the chart for tests: a profile with changes over it, as objects by kind and name."""

from typing import Any

from helm.check.rendering import manifests, merged, profiles, rendered, values_of

PROFILES = sorted(profiles())


def values(profile: str = "minimal", changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return merged(values_of(profiles()[profile]), changes or {})


def objects(profile: str = "minimal", changes: dict[str, Any] | None = None):
    """Kind and name → object."""
    found = manifests(rendered(values(profile, changes)))
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def kinds(found) -> set[str]:
    return {kind for kind, _ in found}


def pod_of(each):
    """The pod template's spec of a workload, or the spec of a Pod; None for other kinds."""
    if each["kind"] == "Pod":
        return each["spec"]
    return each["spec"]["template"]["spec"] if each["kind"] in {"Deployment", "Job"} else None


def worker(profile: str = "minimal", changes: dict[str, Any] | None = None):
    return objects(profile, changes)[("Deployment", "oncofhir-worker")]
