"""What the chart needs beside itself, as pods: DNS, Apache Kafka, a FHIR server, a scripted model server."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.apache_kafka.jars import cache_folder, jars
from tests.chaos.reports import script
from tests.cluster.api import Api, Manifest, wait_until
from tests.cluster.images import BASE, PROJECT
from tests.cluster.nodes import DNS_ADDRESS

KAFKA = "kafka.kafka.svc:9092"
FHIR = "http://hapi.fhir.svc:8080/fhir"
MODEL_REPLICAS = 2
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 240.0
_JAVA = "/usr/lib/jvm"
_SMOKE = [
    {"contains": ["tumor size", "INVENTED"], "answer": "2.3 cm"},
    {"contains": ["cancer grade", "INVENTED"], "answer": "2"},
]
_COREFILE = """.:53 {
  errors
  ready :8181
  kubernetes cluster.local {
    ttl 5
  }
}
"""
_KAFKA_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://:9092,CONTROLLER://localhost:9093
advertised.listeners=PLAINTEXT://kafka.kafka.svc:9092
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=/data/log
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
message.max.bytes=17825792
socket.request.max.bytes=67108864
"""
_KAFKA_SCRIPT = """set -e
CP=$(printf '%s:' /jars/*.jar)
java -Xmx256m -cp $CP kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c /configuration/server.properties
exec java -Xmx512m -XX:+UseSerialGC -cp $CP kafka.Kafka /configuration/server.properties
"""
_SEKMET = """base_url: http://hapi.fhir.svc:8080/fhir
host: 0.0.0.0
port: 8080
data_dir: /data
simulator: {enabled: false}
"""


def start(api: Api, programs: Path, report: Callable[[str], None]) -> None:
    """Create all of it, and wait until it is ready."""
    report("starting DNS")
    for each in _dns(programs):
        api.create(each)
    _wait(api, "kube-system", "coredns")
    jars()
    report("starting Kafka, the FHIR server and the model server")
    for namespace in ("kafka", "fhir", "models"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for each in (*_kafka(), *_fhir(), *_model()):
        api.create(each)
    for namespace, name in (("kafka", "kafka"), ("fhir", "hapi"), ("models", "tgi")):
        _wait(api, namespace, name)


def _wait(api: Api, namespace: str, name: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"

    def is_ready() -> bool:
        found = api.get(path)
        return found["status"].get("readyReplicas", 0) == found["spec"]["replicas"]

    wait_until(is_ready, f"{name} is ready", _START_SECONDS)


def _dns(programs: Path) -> list[Manifest]:
    labels = {"k8s-app": "kube-dns"}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _named("coredns", "kube-system"),
    }
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    }  # fmt: skip
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "coredns"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "coredns",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}],
    }
    container = {
        "name": "coredns",
        "image": BASE,
        "command": ["/programs/coredns", "-conf", "/configuration/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
    }
    return [
        account,
        role,
        binding,
        _files("coredns", "kube-system", {"Corefile": _COREFILE}),
        _deployment(
            "coredns", "kube-system", container, {"programs": str(programs)}, labels,
            serviceAccountName="coredns", dnsPolicy="Default",
        ),
        _service(
            "kube-dns", "kube-system", labels,
            [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}],
            clusterIP=DNS_ADDRESS,
        ),
    ]  # fmt: skip


def _kafka() -> list[Manifest]:
    java = next(Path(_JAVA).glob("java-*-openjdk-*"))
    container = {
        "name": "kafka",
        "image": BASE,
        "command": ["bash", "/configuration/run.sh"],
        "env": [{"name": "PATH", "value": f"{java}/bin:/usr/bin:/bin"}],
        "readinessProbe": {"tcpSocket": {"port": 9092}, "periodSeconds": 2},
    }
    folders = {"jvm": _JAVA, "jars": str(cache_folder())}
    # The JDK of Debian keeps its configuration in /etc.
    configuration = f"/etc/{java.name.rsplit('-', 1)[0]}"
    if Path(configuration).is_dir():
        folders["etc"] = configuration
    return [
        _files("kafka", "kafka", {"server.properties": _KAFKA_PROPERTIES, "run.sh": _KAFKA_SCRIPT}),
        _deployment("kafka", "kafka", container, folders, {"app": "kafka"}),
        _service("kafka", "kafka", {"app": "kafka"}, [{"port": 9092}]),
    ]


def _fhir() -> list[Manifest]:
    python = Path(sys.executable).resolve().parents[1]
    program = str(_ROOT / ".venv/bin/sekmet")
    container = {
        "name": "sekmet",
        "image": BASE,
        "command": [program, "serve", "--config", "/configuration/settings.yaml", "--host", "0.0.0.0", "--port", "8080"],
        "workingDir": "/data",
        "readinessProbe": {
            "httpGet": {"path": "/fhir/metadata", "port": 8080},
            "periodSeconds": 2,
            "timeoutSeconds": 10,
        },
    }  # fmt: skip
    folders = {"root": str(_ROOT), "python": str(python)}
    return [
        _files("hapi", "fhir", {"settings.yaml": _SEKMET}),
        _deployment("hapi", "fhir", container, folders, {"app": "hapi"}),
        _service("hapi", "fhir", {"app": "hapi"}, [{"port": 8080}]),
    ]


def _model() -> list[Manifest]:
    arguments = ["--script", "/configuration/script.json", "--host", "0.0.0.0", "--port", "8080"]
    container = {
        "name": "model",
        "image": PROJECT,
        "command": [
            "/opt/oncofhir/bin/python",
            "-m",
            "oncofhir.testing.scripted_model",
            *arguments,
        ],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 2},
    }
    labels = {"app": "tgi"}
    return [
        _files("tgi", "models", {"script.json": json.dumps([*_SMOKE, *script()])}),
        _deployment("tgi", "models", container, {}, labels, replicas=MODEL_REPLICAS),
        _service("tgi", "models", labels, [{"port": 8080}], clusterIP="None"),
    ]


def _named(name: str, namespace: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace}


def _files(name: str, namespace: str, data: dict[str, str]) -> Manifest:
    metadata = _named(name, namespace)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _service(
    name: str,
    namespace: str,
    selector: dict[str, str],
    ports: list[dict[str, Any]],
    **more: Any,
) -> Manifest:
    spec = {"selector": selector, "ports": ports, **more}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _named(name, namespace),
        "spec": spec,
    }


def _deployment(
    name: str,
    namespace: str,
    container: dict[str, Any],
    folders: dict[str, str],
    labels: dict[str, str],
    *,
    replicas: int = 1,
    **more: Any,
) -> Manifest:
    """A Deployment on node 1, with its ConfigMap, scratch space, and read-only folders of this machine."""
    on_host = {"programs": "/programs", "jars": "/jars"}
    mounts = [
        {"name": "configuration", "mountPath": "/configuration"},
        {"name": "data", "mountPath": "/data"},
        *(
            {"name": key, "mountPath": on_host.get(key, path), "readOnly": True}
            for key, path in folders.items()
        ),
    ]
    volumes = [
        {"name": "configuration", "configMap": {"name": name}},
        {"name": "data", "emptyDir": {}},
        *({"name": key, "hostPath": {"path": path}} for key, path in folders.items()),
    ]
    pod = {
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/hostname": "node1"},
        "containers": [container | {"volumeMounts": mounts, "imagePullPolicy": "Never"}],
        "volumes": volumes,
        **more,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _named(name, namespace),
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
