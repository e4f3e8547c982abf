"""Which peers the pods of each component reach, on each node, against a pod that no policy restricts.

A peer that is not reached proves nothing where there is no way to it: the pod without a policy reaches them all.
"""

import json
from typing import Any

from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.images import PROJECT
from tests.cluster.releases import RELEASE, Fault

Peers = dict[str, tuple[str, int]]
PEERS: Peers = {
    "kafka": ("kafka.kafka.svc", 9092),
    "fhir": ("hapi.fhir.svc", 8080),
    "model": ("tgi.models.svc", 8080),
    "dns": ("kube-dns.kube-system.svc", 53),
    "api server": ("kubernetes.default.svc", 443),
    "kubelet": ("10.90.0.1", 10250),
    "kubelet of the other node": ("10.90.0.2", 10250),
}
# What each component may reach; whatever else is in PEERS it may not.
EGRESS = {
    "worker": {"kafka", "fhir", "model", "dns"},
    "topics": {"kafka", "dns"},
    "smoke-test": {"kafka", "fhir", "dns"},
}
_STORE = {"kafka", "fhir", "dns"}
EGRESS_OF_ALL = {**EGRESS, "bridge": _STORE, "review": _STORE, "backfill": _STORE}
ENTRANCES: Peers = {
    "bridge": (f"{RELEASE}-bridge.{RELEASE}.svc", 8095),
    "mllp": (f"{RELEASE}-mllp.{RELEASE}.svc", 2575),
    "review": (f"{RELEASE}-review.{RELEASE}.svc", 8070),
}
# Label `role` of a pod, and which of ENTRANCES it may reach.
INGRESS = {"ehr": {"bridge"}, "laboratory": {"mllp"}, "ingress-controller": {"review"}}
# The network plug-in applies the policies of a new pod after a while: what is reached then counts.
_PROBE = """
import json, socket, sys, time
peers, wanted, ends = json.loads(sys.argv[1]), set(json.loads(sys.argv[2])), time.monotonic() + 60
while True:
    reached = []
    for name, (host, port) in peers.items():
        try:
            socket.create_connection((host, port), 3).close()
        except OSError:
            continue
        reached.append(name)
    if set(reached) == wanted or time.monotonic() > ends:
        break
    time.sleep(1)
print(json.dumps(reached))
"""
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def check_egress(
    api: Api, namespace: str, nodes: list[str], components: dict[str, set[str]]
) -> int:
    """Check from every node which peers each component reaches, and return the number of connections.

    Raises:
        Fault: a peer is reached that must not be, or the other way round.
    """
    pods = {
        (component, node): (
            {
                "app.kubernetes.io/name": RELEASE,
                "app.kubernetes.io/instance": RELEASE,
                "app.kubernetes.io/component": component,
            },
            reached,
        )
        for component, reached in components.items()
        for node in nodes
    }
    control = {("control", node): ({"role": "control"}, set(PEERS)) for node in nodes}
    return _check(api, namespace, PEERS, pods | control)


def check_ingress(api: Api, namespace: str, nodes: list[str]) -> int:
    """Check from every node who reaches the components that listen, and return the number of connections.

    Raises:
        Fault: somebody reaches one who must not, or the other way round.
    """
    wanted = {**INGRESS, "stranger": set[str]()}
    pods = {
        (role, node): ({"role": role}, reached)
        for role, reached in wanted.items()
        for node in nodes
    }
    return _check(api, namespace, ENTRANCES, pods)


def _check(
    api: Api,
    namespace: str,
    peers: Peers,
    wanted: dict[tuple[str, str], tuple[dict[str, str], set[str]]],
) -> int:
    pods = {
        (kind, node): _probe(kind, node, namespace, labels, [peers, sorted(may)])
        for (kind, node), (labels, may) in wanted.items()
    }
    for pod in pods.values():
        api.create(pod)
    faults = []
    for (kind, node), pod in pods.items():
        reached, may = set(json.loads(_log(api, pod))), wanted[kind, node][1]
        if reached != may:
            faults.append(f"{kind} on {node} reaches {sorted(reached)}, not {sorted(may)}")
        api.delete(api.path_of(pod), grace_seconds=0)
    if faults:
        raise Fault("; ".join(faults))
    return len(pods) * len(peers)


def _probe(
    kind: str, node: str, namespace: str, labels: dict[str, str], arguments: list[Any]
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"probe-{kind}-{node}",
            "namespace": namespace,
            "labels": labels,
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
                    "command": [
                        "/opt/oncofhir/bin/python",
                        "-c",
                        _PROBE,
                        *map(json.dumps, arguments),
                    ],
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
        240,
    )
    return api.text(f"{path}/log")
