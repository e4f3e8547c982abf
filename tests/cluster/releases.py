"""The chart on a cluster: namespaces, installations, and what of them lives."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helm_python import Chart, Config, HelmError

from helm.check.rendering import manifests, merged, rendered
from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.control_plane import ControlPlane

RELEASE = "oncofhir"
WORKER = f"{RELEASE}-worker"
_QUOTA = {
    "requests.cpu": "64",
    "requests.memory": "512Gi",
    "limits.cpu": "64",
    "limits.memory": "512Gi",
}


class Fault(Exception):
    """Something that the chart does wrong on a cluster."""


@dataclass
class Bench:
    """The chart on a cluster."""

    cluster: ControlPlane
    chart: Path

    @property
    def api(self) -> Api:
        return self.cluster.api

    @contextmanager
    def namespace(self, name: str, *, quota: bool = False) -> Iterator[None]:
        """Provide a namespace under the restricted standard, and delete it in the end."""
        self.api.create(_namespace(name))
        try:
            if quota:
                self.api.create(_quota(name))
                path = f"/api/v1/namespaces/{name}/resourcequotas/quota"
                wait_until(lambda: self.api.get(path).get("status"), "the quota is counted")
            yield
        finally:
            self.api.delete(f"/api/v1/namespaces/{name}")

    @contextmanager
    def release(
        self,
        namespace: str,
        values: dict[str, Any],
        *,
        quota: bool = False,
        secrets: dict[str, dict[str, str]] | None = None,
        chart: Path | None = None,
    ) -> Iterator["Release"]:
        """Install the chart, or another one, in a namespace of its own, with secrets; delete both in the end."""
        with (
            self.namespace(namespace, quota=quota),
            Config(kubeconfig_path=self.cluster.kubeconfig, namespace=namespace) as helm,
        ):
            for name, content in (secrets or {}).items():
                self.api.create(_secret(namespace, name, content))
            release = Release(self, helm, namespace, values)
            release.install(chart)
            yield release


@dataclass
class Release:
    """One installation."""

    bench: Bench
    helm: Config
    namespace: str
    values: dict[str, Any]

    def install(self, chart: Path | None = None) -> None:
        """Install the chart, or another one.

        Raises:
            Fault: the API server refuses an object.
        """
        try:
            with Chart.load(chart or self.bench.chart) as loaded:
                self.helm.install(loaded, RELEASE, self.values, namespace=self.namespace)
        except HelmError as error:
            raise Fault(f"{self.namespace}: the installation is refused: {error}") from error

    def upgrade(self, changes: dict[str, Any] | None = None) -> None:
        """Upgrade to the same chart with changed values.

        Raises:
            Fault: the API server refuses an object.
        """
        self.values = merged(self.values, changes or {})
        try:
            with Chart.load(self.bench.chart) as chart:
                self.helm.upgrade(chart, RELEASE, self.values, namespace=self.namespace)
        except HelmError as error:
            raise Fault(f"{self.namespace}: the upgrade is refused: {error}") from error

    def smoke_test(self) -> None:
        """Run `helm test` with Helm 4.

        Raises:
            Fault: it fails; the message has the end of its log.
        """
        try:
            self.helm.test(RELEASE, timeout=300, logs=True)
        except HelmError as error:
            path = f"/api/v1/namespaces/{self.namespace}/pods/{RELEASE}-smoke-test"
            raise Fault(f"{error}: {self.bench.api.text(f'{path}/log')[-600:]}") from error

    def objects(self) -> list[Manifest]:
        """The rendered objects, the hooks among them, with their namespace."""
        return objects_of(self.bench.chart, self.namespace, self.values)

    def scale(self, replicas: int, *, manager: str) -> None:
        """Set the number of workers as an autoscaler or `kubectl scale` does."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{WORKER}/scale"
        self.bench.api.patch(path, {"spec": {"replicas": replicas}}, manager=manager)

    def worker(self) -> Manifest:
        """The live Deployment of the workers."""
        return self.bench.api.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{WORKER}")

    def pods(self, component: str | None = None) -> list[Manifest]:
        """The live pods, of one component or of all."""
        found = self.bench.api.items(f"/api/v1/namespaces/{self.namespace}/pods")
        label = "app.kubernetes.io/component"
        return [p for p in found if component in {None, p["metadata"]["labels"].get(label)}]


def objects_of(chart: Path, namespace: str, values: dict[str, Any]) -> list[Manifest]:
    """Render the objects of a release, the hooks among them, with their namespace."""
    found = manifests(rendered(values, chart, RELEASE, namespace))
    for each in found:
        each["metadata"].setdefault("namespace", namespace)
    return found


def _namespace(name: str) -> Manifest:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _secret(namespace: str, name: str, content: dict[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}


def _quota(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota", "namespace": namespace},
        "spec": {"hard": _QUOTA},
    }
