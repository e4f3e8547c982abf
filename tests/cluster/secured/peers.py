"""HAPI FHIR's JPA server behind TLS, and the volume of a model's weights, as pods of the secured installation need them."""

import hashlib
import json
from pathlib import Path

from tests.chaos.reports import script
from tests.cluster.api import Api, Manifest
from tests.cluster.certificates import Authority
from tests.cluster.images import BASE, GHOSTUNNEL
from tests.cluster.manifests import claimed_folder, deployment, files, java, service, wait_ready
from tests.cluster.workloads import SMOKE
from tests.hapi_fhir.server import SOURCE, class_path_of_hapi

FHIR_NAMESPACE = "ehr"
FHIR = f"https://fhir.{FHIR_NAMESPACE}.svc:8443/fhir"
WEIGHTS_CLAIM, WEIGHTS_PATH = "cancerllm-weights", "cancerllm-7b"
_WEIGHTS_FOLDER = Path("/run/oncofhir-weights")
_HTTP_PORT = 8080


def start_fhir(api: Api, authority: Authority) -> None:
    """Start HAPI FHIR on its pod's loopback, with ghostunnel before it, and wait until both answer."""
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FHIR_NAMESPACE}})
    for each in _fhir(authority):
        api.create(each)
    wait_ready(api, FHIR_NAMESPACE, "fhir")


def _fhir(authority: Authority) -> list[Manifest]:
    programs, folders = java()
    classes = class_path_of_hapi()
    repository = str(Path.home() / ".m2/repository")
    server = {
        "name": "hapi",
        "image": BASE,
        "command": [
            f"{programs}/java", "-Xmx1200m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            *("-cp", classes), "/source/HapiServer.java", str(_HTTP_PORT), f"address={FHIR}",
        ],
        "workingDir": "/data",
    }  # fmt: skip
    tls = {
        "name": "tls",
        "image": GHOSTUNNEL,
        "args": [
            *("server", "--listen=0.0.0.0:8443", f"--target=127.0.0.1:{_HTTP_PORT}"),
            *("--cert=/configuration/tls.crt", "--key=/configuration/tls.key"),
            "--disable-authentication",
        ],
        "readinessProbe": {
            "httpGet": {"path": "/fhir/metadata", "port": 8443, "scheme": "HTTPS"},
            "periodSeconds": 2,
            "timeoutSeconds": 10,
        },
    }
    labels = {"app": "fhir"}
    folders |= {"repository": repository, "source": str(SOURCE.parent)}
    return [
        files("fhir", FHIR_NAMESPACE, authority.server(f"fhir.{FHIR_NAMESPACE}.svc")),
        deployment("fhir", FHIR_NAMESPACE, server, folders, labels, beside=[tls]),
        service("fhir", FHIR_NAMESPACE, labels, [{"port": 8443}]),
    ]


def weights() -> str:
    """Write a model's folder: what stands for weights, and the script that answers; return the digest of the weights."""
    folder = _WEIGHTS_FOLDER / WEIGHTS_PATH
    folder.mkdir(parents=True, exist_ok=True)
    content = b"weights"
    (folder / "model.safetensors").write_bytes(content)
    (folder / "script.json").write_text(json.dumps([*SMOKE, *script()]))
    return hashlib.sha256(hashlib.sha256(content).digest()).hexdigest()


def weights_claim(namespace: str) -> list[Manifest]:
    """The volume of that folder, and its claim."""
    folder = str(_WEIGHTS_FOLDER)
    return claimed_folder(WEIGHTS_CLAIM, namespace, folder, mode="ReadOnlyMany", size="1Gi")
