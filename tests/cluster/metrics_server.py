"""metrics-server as a pod: what a HorizontalPodAutoscaler asks for the use of CPU."""

from pathlib import Path
from typing import Any

from tests.cluster.api import Api, Manifest
from tests.cluster.images import BASE
from tests.cluster.manifests import wait_ready

_NAME, _NAMESPACE, _PORT = "metrics-server", "kube-system", 4443
_LABELS = {"k8s-app": _NAME}


def start(api: Api, programs: Path) -> None:
    """Start it, and wait until it has scraped the nodes; of a new pod it knows the use of CPU after a while."""
    for each in _manifests(programs):
        api.create(each)
    wait_ready(api, _NAMESPACE, _NAME)


def _manifests(programs: Path) -> list[Manifest]:
    named = {"name": _NAME, "namespace": _NAMESPACE}
    account: Manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named}
    subject = {"kind": "ServiceAccount", **named}
    rules = [
        {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]},
    ]
    role: Manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": _NAME},
        "rules": rules,
    }
    service: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named,
        "spec": {"selector": _LABELS, "ports": [{"port": 443, "targetPort": _PORT}]},
    }
    registration: Manifest = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "service": named,
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "insecureSkipTLSVerify": True,  # it signs its certificate itself
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    return [
        account,
        role,
        _binding("ClusterRoleBinding", _NAME, "ClusterRole", _NAME, subject),
        # It asks the API server who may ask it.
        _binding(
            "ClusterRoleBinding", f"{_NAME}:auth", "ClusterRole", "system:auth-delegator", subject
        ),
        _binding(
            "RoleBinding",
            f"{_NAME}:auth",
            "Role",
            "extension-apiserver-authentication-reader",
            subject,
        ),
        service,
        _deployment(programs),
        registration,
    ]


def _binding(kind: str, name: str, of: str, role: str, subject: dict[str, Any]) -> Manifest:
    namespace = {"namespace": _NAMESPACE} if kind == "RoleBinding" else {}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, **namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": role},
        "subjects": [subject],
    }


def _deployment(programs: Path) -> Manifest:
    container = {
        "name": _NAME,
        "image": BASE,
        "imagePullPolicy": "Never",
        "command": [
            "/programs/metrics-server",
            f"--secure-port={_PORT}",
            "--cert-dir=/tmp",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-insecure-tls",  # kubelets sign their certificates themselves here
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",  # it ends at once unless this is shorter
        ],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": _PORT, "scheme": "HTTPS"},
            "periodSeconds": 2,
        },
        "volumeMounts": [{"name": "programs", "mountPath": "/programs", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": _NAME,
        "nodeSelector": {"kubernetes.io/hostname": "node1"},
        "containers": [container],
        "volumes": [{"name": "programs", "hostPath": {"path": str(programs)}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _NAME, "namespace": _NAMESPACE},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }
