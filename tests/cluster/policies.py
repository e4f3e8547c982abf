"""Which peers a worker's pod reaches, on each node, against a pod that no policy restricts.

A peer that is not reached proves nothing where there is no way to it: the pod without a policy reaches them all.
"""

import json
from typing import Any

from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.images import PROJECT
from tests.cluster.profiles import RELEASE, Fault

ALLOWED = {
    "kafka": ("kafka.kafka.svc", 9092),
    "fhir": ("hapi.fhir.svc", 8080),
    "model": ("tgi.models.svc", 8080),
    "dns": ("kube-dns.kube-system.svc", 53),
}
FORBIDDEN = {
    "api server": ("kubernetes.default.svc", 443),
    "kubelet": ("10.90.0.1", 10250),
    "kubelet of the other node": ("10.90.0.2", 10250),
}
_PROBE = """
import json, socket, sys
reached = []
for name, (host, port) in json.loads(sys.argv[1]).items():
    for _ in range(2):
        try:
            socket.create_connection((host, port), 3).close()
        except OSError:
            continue
        reached.append(name)
        break
print(json.dumps(reached))
"""
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def check(api: Api, namespace: str, nodes: list[str]) -> int:
    """Check every peer from every node, and return the number of checked connections.

    Raises:
        Fault: a peer is reached that must not be, or the other way round.
    """
    peers = ALLOWED | FORBIDDEN
    wanted = {"restricted": set(ALLOWED), "control": set(peers)}
    pods = {(kind, node): _probe(kind, node, namespace, peers) for kind in wanted for node in nodes}
    for pod in pods.values():
        api.create(pod)
    for (kind, node), pod in pods.items():
        reached = set(json.loads(_log(api, pod)))
        if reached != wanted[kind]:
            raise Fault(
                f"the {kind} pod on {node} reaches {sorted(reached)}, not {sorted(wanted[kind])}"
            )
        api.delete(api.path_of(pod), grace_seconds=0)
    return len(pods) * len(peers)


def _probe(kind: str, node: str, namespace: str, peers: dict[str, Any]) -> Manifest:
    labels = {
        "app.kubernetes.io/name": RELEASE,
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": "worker",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"probe-{kind}-{node}",
            "namespace": namespace,
            "labels": labels if kind == "restricted" else {"probe": kind},
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "probe",
                    "image": PROJECT,
                    "imagePullPolicy": "Never",
                    "command": ["/opt/oncofhir/bin/python", "-c", _PROBE, json.dumps(peers)],
                    "securityContext": _RESTRICTED,
                }
            ],
        },
    }


def _log(api: Api, pod: Manifest) -> str:
    path = api.path_of(pod)
    wait_until(
        lambda: api.get(path)["status"]["phase"] in {"Succeeded", "Failed"},
        f"{pod['metadata']['name']} ends",
        120,
    )
    return api.text(f"{path}/log")
