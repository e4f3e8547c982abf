"""What the chart needs beside itself, as pods: DNS, Apache Kafka, a FHIR server, a scripted model server."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.apache_kafka.jars import cache_folder, jars
from tests.chaos.reports import script
from tests.cluster.api import Api, Manifest
from tests.cluster.certificates import Authority
from tests.cluster.images import BASE, PROJECT
from tests.cluster.manifests import deployment, files, java, named, service, wait_ready
from tests.cluster.nodes import DNS_ADDRESS

KAFKA, KAFKA_SECURED = "kafka.kafka.svc:9092", "kafka.kafka.svc:9094"
USER, PASSWORD = "oncofhir", "correct-horse-battery"  # of SCRAM
FHIR = "http://hapi.fhir.svc:8080/fhir"
MODEL_REPLICAS = 2
_ROOT = Path(__file__).parents[2]
SMOKE = [
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
listeners=PLAINTEXT://:9092,SECURED://:9094,CONTROLLER://localhost:9093
advertised.listeners=PLAINTEXT://kafka.kafka.svc:9092,SECURED://kafka.kafka.svc:9094
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location=/configuration/broker.pem
listener.name.secured.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
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
java -Xmx256m -cp $CP kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c /configuration/server.properties \
  --add-scram "SCRAM-SHA-512=[name=$SCRAM_USER,password=$SCRAM_PASSWORD]"
exec java -Xmx512m -XX:+UseSerialGC -cp $CP kafka.Kafka /configuration/server.properties
"""
_SEKMET = """base_url: http://hapi.fhir.svc:8080/fhir
host: 0.0.0.0
port: 8080
data_dir: /data
simulator: {enabled: false}
"""


def start(api: Api, programs: Path, authority: Authority, report: Callable[[str], None]) -> None:
    """Create all of it, and wait until it is ready."""
    report("starting DNS")
    for each in _dns(programs):
        api.create(each)
    wait_ready(api, "kube-system", "coredns")
    jars()
    report("starting Kafka, the FHIR server and the model server")
    for namespace in ("kafka", "fhir", "models"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for each in (*_kafka(authority), *_fhir(), *_model()):
        api.create(each)
    for namespace, name in (("kafka", "kafka"), ("fhir", "hapi"), ("models", "tgi")):
        wait_ready(api, namespace, name)


def _dns(programs: Path) -> list[Manifest]:
    labels = {"k8s-app": "kube-dns"}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": named("coredns", "kube-system"),
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
        files("coredns", "kube-system", {"Corefile": _COREFILE}),
        deployment(
            "coredns", "kube-system", container, {"programs": str(programs)}, labels,
            serviceAccountName="coredns", dnsPolicy="Default",
        ),
        service(
            "kube-dns", "kube-system", labels,
            [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}],
            clusterIP=DNS_ADDRESS,
        ),
    ]  # fmt: skip


def _kafka(authority: Authority) -> list[Manifest]:
    shown = authority.server("kafka.kafka.svc")
    content = {
        "server.properties": _KAFKA_PROPERTIES,
        "run.sh": _KAFKA_SCRIPT,
        "broker.pem": shown["tls.key"] + shown["tls.crt"],
    }
    path, folders = java()
    container = {
        "name": "kafka",
        "image": BASE,
        "command": ["bash", "/configuration/run.sh"],
        "env": [
            {"name": "PATH", "value": f"{path}:/usr/bin:/bin"},
            {"name": "SCRAM_USER", "value": USER},
            {"name": "SCRAM_PASSWORD", "value": PASSWORD},
        ],
        "readinessProbe": {"tcpSocket": {"port": 9092}, "periodSeconds": 2},
    }
    folders |= {"jars": str(cache_folder())}
    ports = [{"name": "plain", "port": 9092}, {"name": "secured", "port": 9094}]
    return [
        files("kafka", "kafka", content),
        deployment("kafka", "kafka", container, folders, {"app": "kafka"}),
        service("kafka", "kafka", {"app": "kafka"}, ports),
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
        files("hapi", "fhir", {"settings.yaml": _SEKMET}),
        deployment("hapi", "fhir", container, folders, {"app": "hapi"}),
        service("hapi", "fhir", {"app": "hapi"}, [{"port": 8080}]),
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
        files("tgi", "models", {"script.json": json.dumps([*SMOKE, *script()])}),
        deployment("tgi", "models", container, {}, labels, replicas=MODEL_REPLICAS),
        service("tgi", "models", labels, [{"port": 8080}], clusterIP="None"),
    ]
