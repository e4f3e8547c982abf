"""A real FHIR server for the session."""

import pytest

from oncofhir.demo.fhir_server import EmbeddedFhirServer


@pytest.fixture(scope="session")
def fhir_server():
    with EmbeddedFhirServer() as server:
        yield server
