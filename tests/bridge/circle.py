"""HAPI FHIR, Apache Kafka, `oncofhir bridge` and `oncofhir worker` as processes, wired by settings alone."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx2

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.model_server import PROMPT_SET, EmbeddedModelServer
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.settings import KafkaSettings
from tests.apache_kafka.broker import ApacheKafka
from tests.hapi_fhir.server import HapiFhirServer

SECRET = "circle-of-the-tests"
_FHIR = {"accept": "application/fhir+json", "content-type": "application/fhir+json"}


class Circle:
    """Everything started, and stopped again at the end of the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.bridge_port, self.mllp_port = free_port(), free_port()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        secret = self._folder / "secret.txt"
        secret.write_text(SECRET)
        hapi, kafka, model = (
            HapiFhirServer(subscriptions=True),
            ApacheKafka(),
            EmbeddedModelServer(),
        )
        self._stack.callback(kafka.close)
        for server in (hapi, kafka, model):
            self._stack.callback(server.stop)
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(server.start) for server in (hapi, kafka, model)]:
                started.result()
        self.base_url = hapi.base_url
        ensure_topics(KafkaSettings(bootstrap_servers=kafka.address), partitions=4)
        self.environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "ONCOFHIR_FHIR__BASE_URL": hapi.base_url,
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": "https://oncofhir.example.org/circle",
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_MODEL__PROMPT_SET": PROMPT_SET,
            "ONCOFHIR_BRIDGE__HOST": "127.0.0.1",
            "ONCOFHIR_BRIDGE__PORT": str(self.bridge_port),
            "ONCOFHIR_BRIDGE__URL": f"http://127.0.0.1:{self.bridge_port}",
            "ONCOFHIR_BRIDGE__SECRET_FILE": str(secret),
            "ONCOFHIR_MLLP__HOST": "127.0.0.1",
            "ONCOFHIR_MLLP__PORT": str(self.mllp_port),
            "ONCOFHIR_MLLP__ALLOW_ANONYMOUS": "true",
            "ONCOFHIR_HL7V2__SYSTEMS": "HOSP=urn:oid:1.2.826.0.1.7",
            "ONCOFHIR_HTTP__HOST": "127.0.0.1",
            "ONCOFHIR_LOG__FORMAT": "json",
        }
        self.worker = self._process("worker")
        self.bridge = self._process("bridge", "--mllp", "--http")
        for process in (self.worker, self.bridge):
            self._stack.callback(process.stop)
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(p.start) for p in (self.worker, self.bridge)]:
                started.result()

    def _process(self, command: str, *options: str) -> Process:
        port = free_port()
        return Process(
            command,
            [sys.executable, "-m", "oncofhir", command, *options],
            environment=self.environment | {"ONCOFHIR_HTTP__PORT": str(port)},
            ready=lambda: responds(f"http://127.0.0.1:{port}/ready"),
            wait_seconds=240.0,
        )

    def subscribe(
        self, *arguments: str, **environment: str
    ) -> tuple[int, list[dict[str, Any]], str]:
        """Run `oncofhir subscribe`; return its exit status, what it printed and stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "oncofhir", "subscribe", *arguments],
            env={"PATH": "/usr/bin:/bin"} | self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def put(self, resource: dict[str, Any]) -> None:
        path = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
        _answer(httpx2.put(path, json=resource, headers=_FHIR, trust_env=False, timeout=60))

    def post(self, resource: dict[str, Any]) -> str:
        """Create a resource; return the id that the server gave it."""
        path = f"{self.base_url}/{resource['resourceType']}"
        answer = httpx2.post(path, json=resource, headers=_FHIR, trust_env=False, timeout=60)
        return str(_answer(answer).json()["id"])

    def delete(self, reference: str) -> None:
        _answer(
            httpx2.delete(
                f"{self.base_url}/{reference}", headers=_FHIR, trust_env=False, timeout=60
            )
        )

    def search(self, query: str) -> list[dict[str, Any]]:
        headers = _FHIR | {"cache-control": "no-cache"}
        answer = httpx2.get(
            f"{self.base_url}/{query}", headers=headers, trust_env=False, timeout=60
        )
        return [entry["resource"] for entry in _answer(answer).json().get("entry", [])]

    def until(self, found: Callable[[], Any], seconds: float = 180.0) -> Any:
        """Return the first result that is true."""
        deadline = time.monotonic() + seconds
        while not (result := found()):
            assert time.monotonic() < deadline, "it did not come true in time; see the logs"
            time.sleep(0.5)
        return result


def _answer(answer: httpx2.Response) -> httpx2.Response:
    assert answer.is_success, answer.text
    return answer


def all_withdrawn(found: list[dict[str, Any]]) -> bool:
    """Return whether there are findings, and each is withdrawn."""

    def withdrawn(finding: dict[str, Any]) -> bool:
        if finding["resourceType"] == "Observation":
            return finding["status"] == "entered-in-error"
        status = finding.get("verificationStatus", {}).get("coding", [{}])
        return any(coding.get("code") == "entered-in-error" for coding in status)

    return bool(found) and all(map(withdrawn, found))
