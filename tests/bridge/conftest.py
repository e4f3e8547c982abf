"""One circle for all its tests: HAPI FHIR alone takes a minute to start."""

import pytest

from tests.bridge.circle import Circle


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def circle(tmp_path_factory):
    with Circle(tmp_path_factory.mktemp("circle")) as running:
        for patient in ("p1", "p2", "p3"):
            running.put({"resourceType": "Patient", "id": patient})
        yield running
