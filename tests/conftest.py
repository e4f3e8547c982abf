"""What all tests share: no settings from outside, hypothesis' profile, which tests must run in one process."""

import functools
import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpcore2
import hypothesis
import pytest
import structlog

# A machine under load is slow, not wrong; in CI each run draws the same examples. make test-properties draws many.
hypothesis.settings.register_profile(
    "oncofhir", deadline=None, max_examples=50, derandomize=os.environ.get("CI") == "true"
)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "oncofhir"))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ONCOFHIR_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _certificate_authorities_are_loaded_once() -> None:
    """Each HTTP client would load those of the system, which takes 40 ms, also for URLs of http."""
    httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)


@pytest.fixture(autouse=True)
def _no_logging_of_another_test() -> Iterator[None]:
    """A command that sets up logging leaves it to the output that was captured of its own test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_sockets_of_another_test(request: pytest.FixtureRequest) -> None:
    """What a Kafka client of an earlier test or module left open, whose broker stopped, cannot fail a long test."""
    if request.node.get_closest_marker("scenario") and "kafka" in sys.modules:
        from tests.topic_records import collect_sockets

        collect_sockets()


def pytest_configure() -> None:
    """A run that is told to end stops what it started; what it starts hears Ctrl-C, also of a run in the background."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Thousands of tests are no garbage: nothing is looked for among them while they are collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of tests/scenarios, so that one expression selects them and the long ones elsewhere."""
    for item in items:
        if item.nodeid.startswith("tests/scenarios/"):
            item.add_marker("scenario")


def pytest_collection_finish() -> None:
    """Exempt what was imported from garbage collection, which the tests of Kafka run often."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return a scheduler that runs the tests of a module with servers of its own in one process and in order.

    So it does with the unit tests of a module, which share what they read. All other tests are distributed
    one by one, integration tests first: they wait, and the unit tests fill the gaps. `--dist loadgroup` would do the same by marks, but xdist 3.8
    loses the marks under pytest 9.2 (it sets `_nodeid`, which pytest does not read any more).
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModuleWithServers(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            is_one = module.startswith("tests/unit/") or _has_servers(config.rootpath / module)
            return module if is_one else nodeid

    config.option.loadscopereorder = False
    return ByModuleWithServers(config, log)


@functools.cache
def _has_servers(module: Path) -> bool:
    return 'scope="module"' in module.read_text(encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fhir-server",
        default="sekmet",
        choices=("sekmet", "hapi"),
        help="what tests/integration/fhir writes to: the embedded server, or HAPI FHIR (make test-hapi)",
    )
    parser.addoption(
        "--write-images",
        action="store_true",
        help="let tests/review write its screenshots to docs/images",
    )
