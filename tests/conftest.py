"""No settings from outside reach a test; which FHIR server the tests of the store run against."""

import os
import signal
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ONCOFHIR_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_logging_of_another_test() -> Iterator[None]:
    """A command that sets up logging leaves it to the output that was captured of its own test."""
    yield
    structlog.reset_defaults()


def pytest_configure() -> None:
    """A run that is told to end stops what it started; what it starts hears Ctrl-C, also of a run in the background."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fhir-server",
        default="sekmet",
        choices=("sekmet", "hapi"),
        help="what tests/integration/fhir writes to: the embedded server, or HAPI FHIR (make test-hapi)",
    )
