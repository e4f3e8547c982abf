"""The model contract on the stand-in and on llama.cpp's own server, with equal findings; vLLM: tests/vllm."""

import json

import pytest

from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.inference.clients.weights import weights_digest
from oncofhir.inference.server.serve import WEIGHTS
from tests.integration.model_server.contract import CASES, Served, differences, extracted
from tests.integration.model_server.servers import llama_server
from tests.integration.model_server.texts import TEXTS


@pytest.fixture(scope="module")
def stand_in():
    with EmbeddedModelServer() as server:
        yield Served("stand-in", server.url, "tgi", weights_digest(WEIGHTS))


@pytest.fixture(scope="module")
def stand_in_openai(stand_in):
    return Served("stand-in, /v1/completions", stand_in.url, "openai", stand_in.digest)


@pytest.fixture(scope="module")
def llama_cpp():
    with llama_server() as url:
        yield Served("llama.cpp", url, "openai")


@pytest.fixture(params=["stand_in", "llama_cpp"])
def served(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_contract(served, case):
    case(served)


@pytest.mark.scenario
def test_the_same_findings_and_confidences(stand_in, stand_in_openai, llama_cpp):
    found = extracted(stand_in, TEXTS)
    assert sum(len(extraction.findings) for extraction in found.values()) > 3 * len(TEXTS)
    assert differences(found, extracted(llama_cpp, TEXTS)) == []
    without = extracted(stand_in_openai, TEXTS)  # TGI's /v1/completions has no log-probabilities
    assert differences(found, without, confidences=False) == [], json.dumps(list(TEXTS))
    assert {f.confidence for made in without.values() for f in made.findings} == {None}
