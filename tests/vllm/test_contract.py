"""The model contract on a real vLLM, and equal findings on stand-in, llama.cpp and vLLM; `make test-vllm`."""

import json
import os
import sys

import pytest

from model.places import SAFETENSORS
from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.clients.weights import weights_digest
from tests.integration.model_server.contract import CASES, WINDOW, Served, differences, extracted
from tests.integration.model_server.servers import llama_server
from tests.integration.model_server.texts import ALL_TEXTS

START_SECONDS = 400
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def vllm(tmp_path_factory):
    """VLLM_PYTHON is the interpreter of vLLM's environment, which `make test-vllm` names."""
    port, digest = free_port(), weights_digest(SAFETENSORS)
    url = f"http://127.0.0.1:{port}"
    command = [
        os.environ["VLLM_PYTHON"], "-m", "vllm.entrypoints.openai.api_server",
        "--model", str(SAFETENSORS.resolve()), "--served-model-name", f"oncofhir-small@sha256-{digest}",
        "--host", "127.0.0.1", "--port", str(port), "--max-model-len", str(WINDOW),
        "--max-num-seqs", "8", "--dtype", "float32", "--enforce-eager",
    ]  # fmt: skip
    environment = {
        "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2", "USER": "vllm",
        "HOME": str(tmp_path_factory.mktemp("home")),
    }  # fmt: skip
    process = Process(
        "vllm",
        command,
        ready=lambda: responds(f"{url}/health"),
        environment=environment,
        wait_seconds=START_SECONDS,
    )
    with process:
        yield Served("vllm", url, "openai", digest)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_contract(vllm, case):
    case(vllm)


def test_the_same_findings_and_confidences_on_all_servers(vllm):
    found = {"vllm": extracted(vllm, ALL_TEXTS)}
    with EmbeddedModelServer() as server:
        found["stand-in"] = extracted(Served("stand-in", server.url, "tgi"), ALL_TEXTS)
    with llama_server() as url:
        found["llama.cpp"] = extracted(Served("llama.cpp", url, "openai"), ALL_TEXTS)
    table = {
        name: {"reports": len(made), "findings": sum(len(e.findings) for e in made.values())}
        for name, made in found.items()
    }
    sys.stdout.write(json.dumps(table) + "\n")
    for name in ("vllm", "llama.cpp"):
        assert differences(found["stand-in"], found[name]) == [], name
