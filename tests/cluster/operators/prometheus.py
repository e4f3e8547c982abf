"""The Prometheus operator at work: it configures a Prometheus by the chart's monitors and rules.

The operator and its Prometheus run with the manifests and rights that the operator's module has for them.
"""

from pathlib import Path
from typing import Any

import httpx2
import yaml

from helm.check.rendering import CHART
from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.images import BASE
from tests.cluster.manifests import wait_ready
from tests.cluster.operators.published import (
    DEFINITIONS,
    PROMETHEUS,
    define,
    folder_of,
    from_programs,
    manifests_of,
    on_this_cluster,
)
from tests.cluster.releases import Fault, Release

_NAMESPACE = "monitoring"  # as in the profile for a GPU
_URL = f"http://prometheus-operated.{_NAMESPACE}.svc:9090/api/v1"
_RULES = {"release": "prometheus"}
_SECONDS = 180.0
# What its Prometheus selects, and may reach.
VALUES: dict[str, Any] = {
    "monitoring": {
        "kind": "service",
        "interval": "5s",
        "scrapeTimeout": "4s",
        "alerts": {"enabled": True, "labels": _RULES},
    },
    "networkPolicy": {
        "metricsFrom": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": _NAMESPACE}}}
        ]
    },
}


def start(api: Api, programs: Path) -> None:
    """Start the operator and a Prometheus that selects the monitors of all namespaces; wait until it answers."""
    define(api, folder_of(PROMETHEUS, DEFINITIONS[PROMETHEUS]))
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
    for folder in ("prometheus-operator", "prometheus"):
        for each in manifests_of(folder_of(PROMETHEUS, "example/rbac") / folder):
            api.create(_for_this_cluster(each, programs))
    wait_ready(api, _NAMESPACE, "prometheus-operator")
    wait_until(_answers, "Prometheus answers", _SECONDS)


def scrapes(release: Release, *components: str) -> int:
    """Every pod of the components is scraped, and the chart's alerts are evaluated; return their number.

    Raises:
        Fault: a pod is not scraped, or an alert is missing or cannot be evaluated.
    """
    expected = {pod["metadata"]["name"] for each in components for pod in release.pods(each)}

    def is_up() -> bool:
        query = f'up{{namespace="{release.namespace}"}}'
        found = _get("query", query=query)["result"]
        up = {each["metric"]["pod"] for each in found if each["value"][1] == "1"}
        return expected <= up

    alerts = _alerts()

    def are_evaluated() -> bool:
        return alerts <= _evaluated(release.namespace)

    try:
        wait_until(is_up, f"Prometheus scrapes {sorted(expected)}", _SECONDS)
        wait_until(are_evaluated, "Prometheus evaluates the alerts", _SECONDS)
    except TimeoutError as error:
        targets = [
            (each["scrapePool"], each["health"], each["lastError"])
            for each in _get("targets", state="active")["activeTargets"]
        ]
        missing = sorted(alerts - _evaluated(release.namespace))
        raise Fault(f"{error}: targets {targets}, alerts not evaluated {missing}") from error
    return len(alerts)


def _alerts() -> set[str]:
    groups = yaml.safe_load((CHART / "files/alerts.yaml").read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def _evaluated(namespace: str) -> set[str]:
    """The alerts of a namespace's rules that were evaluated without an error."""
    return {
        rule["name"]
        for group in _get("rules", type="alert")["groups"]
        for rule in group["rules"]
        if f"/{namespace}-" in group["file"] and rule["health"] == "ok"
    }


def _get(what: str, **query: str) -> dict[str, Any]:
    answer = httpx2.get(f"{_URL}/{what}", params=query, trust_env=False, timeout=10.0)
    return dict(answer.raise_for_status().json()["data"])


def _answers() -> bool:
    try:
        return bool(_get("status/runtimeinfo"))
    except httpx2.HTTPError:  # no pod yet
        return False


def _for_this_cluster(found: Manifest, programs: Path) -> Manifest:
    """In the namespace for monitoring, with programs out of the cache."""
    found["metadata"]["namespace"] = _NAMESPACE
    for subject in found.get("subjects", []):
        subject["namespace"] = _NAMESPACE
    if found["kind"] == "Deployment":
        return on_this_cluster(found, programs, "prometheus-operator")
    if found["kind"] == "Prometheus":
        found["spec"] = _prometheus(found["spec"]["serviceAccountName"], programs)
    return found


def _prometheus(account: str, programs: Path) -> dict[str, Any]:
    mount, volume = from_programs(programs)

    def container(name: str, program: str) -> dict[str, Any]:
        command = [f"/programs/{program}"]
        return {"name": name, "image": BASE, "command": command, "volumeMounts": [mount]}

    reloader = "prometheus-config-reloader"
    everything: dict[str, Any] = {}
    return {
        "replicas": 1,
        "serviceAccountName": account,
        "imagePullPolicy": "Never",
        "nodeSelector": {"kubernetes.io/hostname": "node1"},
        "securityContext": {"fsGroup": 2000, "runAsNonRoot": True, "runAsUser": 1000},
        "evaluationInterval": "10s",
        "serviceMonitorSelector": everything,
        "serviceMonitorNamespaceSelector": everything,
        "podMonitorSelector": everything,
        "podMonitorNamespaceSelector": everything,
        "ruleSelector": {"matchLabels": _RULES},
        "ruleNamespaceSelector": everything,
        # Laid over the containers that the operator makes.
        "containers": [
            container("prometheus", "prometheus"),
            container("config-reloader", reloader),
        ],
        "initContainers": [container("init-config-reloader", reloader)],
        "volumes": [volume],
    }
