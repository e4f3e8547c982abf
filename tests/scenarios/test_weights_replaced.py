"""Two sets of weights that one address serves one after the other are two models in the store, for each kind of identity.

Broker, FHIR server, the worker as a process, and real weights on llama.cpp: behind TGI's API, which reports a
digest, and behind llama.cpp's own server, which reports none. What one set of weights wrote is recalled by its
key, and nothing else.
"""

import json
import sys
from dataclasses import dataclass, field

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.output_reader import PublishedOutcome, output_reader
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.clients.weights import weights_digest
from oncofhir.schemas.outcome import OutcomeStatus, PhenotypeRow
from oncofhir.settings import KafkaSettings
from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_here, run_process
from tests.integration.model_server.servers import LlamaServer, other_weights
from tests.waiting import wait_until

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}


@dataclass
class Service:
    """The store, the topics, and the workers that use them one after the other."""

    fhir: EmbeddedFhirServer
    environment: dict
    reader: object
    outcomes: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)

    def worker(self, **settings):
        port = free_port()
        environment = self.environment | {
            f"ONCOFHIR_{name}": value for name, value in settings.items()
        }
        return Process(
            "worker",
            [sys.executable, "-m", "oncofhir", "worker"],
            environment=environment | {"ONCOFHIR_HTTP__PORT": str(port)},
            ready=lambda: responds(f"http://127.0.0.1:{port}/ready"),
            wait_seconds=90,
        )

    def processed(self, ident):
        """Publish a report, and return the outcome's row when it is there."""
        report = pathology_report(ident, f"{BREAST}\nReport {ident}.\n")
        stdin = json.dumps(report).encode()
        assert run_here("publish", "-", stdin=stdin, environment=self.environment).returncode == 0
        wait_until(lambda: self._read() or ident in self.outcomes)
        self._read()
        assert self.outcomes[ident].status is OutcomeStatus.FOUND
        return self.outcomes[ident]

    def _read(self):
        for output in self.reader.poll(300):
            if isinstance(output, PublishedOutcome):
                self.outcomes[output.row.source.split("/")[1]] = output.row
            elif isinstance(output, PhenotypeRow):
                self.rows.setdefault(output.source.split("/")[1], []).append(output)

    def recalled(self, key, status=0):
        """The ids of the reports whose findings `oncofhir retract` would withdraw."""
        command = ("retract", "--model", key, "--dry-run")
        ended = run_here(*command, environment=self.environment)
        assert ended.returncode == status, ended.stderr
        assert CANARY.encode() not in ended.stdout + ended.stderr
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        assert all(line["withdrawn"] > 0 for line in lines)
        return sorted(line["source"].split("/")[1] for line in lines)

    def devices(self, ident):
        """The model numbers of the Devices that Provenance names for the findings of a report."""
        base, found = self.fhir.base_url, set()
        for row in self.rows[ident]:
            url = f"{base}/Provenance?target={row.resource}"
            for entry in httpx2.get(url, trust_env=False).json()["entry"]:
                agents = entry["resource"]["agent"]
                names = [agent["who"].get("reference", "") for agent in agents]
                found |= {name for name in names if name.startswith("Device/")}
        return {
            name: httpx2.get(f"{base}/{name}", trust_env=False).json() for name in sorted(found)
        }


@pytest.fixture(scope="module")
def service():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir:
        httpx2.put(f"{fhir.base_url}/Patient/p1", json=PATIENT, trust_env=False).raise_for_status()
        kafka = KafkaSettings(bootstrap_servers=broker.address)
        ensure_topics(kafka, partitions=1)
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_FHIR__WRITE": "store",
            "ONCOFHIR_MODEL__PROMPT_SET": "oncofhir-small",
            "ONCOFHIR_HTTP__HOST": "127.0.0.1",
            "ONCOFHIR_LOG__FORMAT": "json",
        }
        with output_reader(kafka, "test", from_beginning=True) as reader:
            yield Service(fhir, environment, reader)


@pytest.fixture
def weights(tmp_path):
    """Sets of weights by number: each number is used by one test, so that each digest is one test's."""
    return lambda number: other_weights(tmp_path / str(number), number)


def are_two_models(service, first, second, ids):
    """The rows, the Devices of Provenance and a recall tell the two sets of weights apart."""
    digests = [service.outcomes[ident].model_digest for ident in ids]
    assert digests == [first, second]
    assert [{row.model_digest for row in service.rows[ident]} for ident in ids] == [
        {first},
        {second},
    ]
    devices = [service.devices(ident) for ident in ids]
    assert [sum("odelNumber" in key for d in of.values() for key in d) for of in devices] == [1, 1]
    assert [
        json.dumps(list(of.values())).count(digest) > 0
        for of, digest in zip(devices, digests, strict=True)
    ] == [True, True]
    assert service.recalled(first) == [ids[0]]
    assert service.recalled(f"sha256:{second}") == [ids[1]]


def test_the_servers_own_digest(service, weights):
    """TGI's `model_sha`. The worker is idle as the server is replaced, and is not told."""
    one, two = weights(1), weights(2)
    first = EmbeddedModelServer(gguf=one)
    second = EmbeddedModelServer(port=first.port, gguf=two)
    with first, service.worker(MODEL__URL=first.url):
        service.processed("tgi-1")
        first.stop()
        with second:
            service.processed("tgi-2")
    are_two_models(service, weights_digest(one), weights_digest(two), ["tgi-1", "tgi-2"])


def test_a_digest_in_the_models_name(service, weights):
    """As the chart starts vLLM and TGI; llama.cpp's own server by `--alias`."""
    one, two = weights(3), weights(4)
    first = LlamaServer(one, alias=f"small@sha256-{weights_digest(one)}")
    second = LlamaServer(two, alias=f"small@sha256-{weights_digest(two)}", port=first.port)
    with first, service.worker(MODEL__URL=first.url, MODEL__API="openai-completions"):
        service.processed("named-1")
        first.stop()
        with second:
            service.processed("named-2")
    are_two_models(service, weights_digest(one), weights_digest(two), ["named-1", "named-2"])


def test_a_digest_that_the_site_sets(service, weights):
    """The server says nothing of its weights: the site changes its setting with them."""
    digests, port = [], None
    for number, ident in ((5, "set-1"), (6, "set-2")):
        gguf = weights(number)
        digests.append(weights_digest(gguf))
        with LlamaServer(gguf, port=port) as server:
            port = server.port
            settings = {"MODEL__URL": server.url, "MODEL__API": "openai-completions"}
            with service.worker(**settings, MODEL__NAME="small", MODEL__DIGEST=digests[-1]):
                service.processed(ident)
    are_two_models(service, *digests, ["set-1", "set-2"])


def test_without_a_digest_nothing_is_written_unless_the_site_allows_it(service, weights):
    """And then a recall by the name alone meets both sets of weights, and nothing of the others."""
    with LlamaServer(weights(7)) as server:
        settings = {"MODEL__URL": server.url, "MODEL__API": "openai-completions"}
        given = {f"ONCOFHIR_{name}": value for name, value in settings.items()}
        refused = run_process("worker", environment=service.environment | given)
        assert refused.returncode == 3
        assert b"ONCOFHIR_MODEL__DIGEST" in refused.stderr
        assert service.recalled("undetermined:oncofhir-small", status=1) == []
        with service.worker(**settings, MODEL__ALLOW_UNDETERMINED_DIGEST="true"):
            service.processed("none-1")
    assert service.recalled("undetermined:oncofhir-small") == ["none-1"]
