"""A real FHIR server for the session: the embedded one, or HAPI FHIR with `--fhir-server hapi`."""

import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from tests.hapi_fhir.server import HapiFhirServer


@pytest.fixture(scope="session")
def fhir_server(pytestconfig):
    chosen = pytestconfig.getoption("--fhir-server")
    with HapiFhirServer() if chosen == "hapi" else EmbeddedFhirServer() as server:
        yield server


@pytest.fixture(scope="session")
def broker():
    with EmbeddedBroker() as running:
        yield running
