"""The page on the demo's findings in a real browser: Debian's Chromium, driven by Playwright.

`make test-review` runs the suite on `oncofhir demo --review`; with `--fhir-server hapi` on HAPI FHIR.
"""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.review_page import ReviewPage
from oncofhir.settings import KafkaSettings
from tests.hapi_fhir.server import HapiFhirServer
from tests.review import axe
from tests.review.seeded_store import IDENTIFIER_SYSTEM, seed_demo

# As root, and without Chromium's own requests to the internet.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
_PROVIDER = re.compile(r"/oauth2|/realms/|/resources/")  # pages of the OpenID providers
_REQUEST = re.compile(r"Failed to load resource|htmx:(sendError|afterRequest),")
_EXPORT = re.compile(r"  export (ONCOFHIR_\w+)=(\S+)")
_ADDRESS = re.compile(r"  (http://127\.0\.0\.1:\d+/)\s*$")


@dataclass(frozen=True)
class Reviewed:
    """A running page, the FHIR server behind it, and the settings for other commands."""

    url: str
    fhir: str
    settings: dict[str, str]

    def get(self, path: str, **params: str) -> dict:
        found = httpx2.get(
            f"{self.fhir}/{path}", params=params or None, trust_env=False, timeout=30
        )
        found.raise_for_status()
        return found.json()

    def all(self, kind: str, **params: str) -> list[dict]:
        """All resources of a search, page after page."""
        bundle = self.get(kind, **{"_count": "500", **params})
        found = []
        while True:
            found += [entry["resource"] for entry in bundle.get("entry", ())]
            links = {link["relation"]: link["url"] for link in bundle.get("link", ())}
            if "next" not in links:
                return found
            bundle = httpx2.get(links["next"], trust_env=False, timeout=30).json()

    def put(self, resource: dict) -> None:
        url = f"{self.fhir}/{resource['resourceType']}/{resource['id']}"
        httpx2.put(url, json=resource, trust_env=False, timeout=30).raise_for_status()


@pytest.fixture(scope="session")
def reviewed(pytestconfig: pytest.Config) -> Iterator[Reviewed]:
    """The page on the findings of the demo."""
    hapi = pytestconfig.getoption("--fhir-server") == "hapi"
    with _on_hapi() if hapi else _demo() as running:
        yield running


@contextmanager
def _demo() -> Iterator[Reviewed]:
    """`oncofhir demo --review`, as a newcomer runs it; its address is where the page is."""
    running = subprocess.Popen(
        [sys.executable, "-m", "oncofhir", "demo", "--review"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    settings: dict[str, str] = {}
    address = None
    assert running.stderr is not None
    for line in running.stderr:
        if found := _EXPORT.match(line):
            settings[found[1]] = found[2]
        if settings and (found := _ADDRESS.match(line)):
            address = found[1]
            break
    try:
        assert address, "the demo ended without an address"
        yield Reviewed(address, settings["ONCOFHIR_FHIR__BASE_URL"], settings)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
        running.stderr.close()
    assert running.returncode == 0


@contextmanager
def _on_hapi() -> Iterator[Reviewed]:
    # Deletions of what Provenance refers to: a report that is gone is one of the cases.
    with HapiFhirServer(deletes=True) as server, EmbeddedBroker() as broker:
        ensure_topics(KafkaSettings(bootstrap_servers=broker.address), partitions=1)
        seed_demo(server.base_url)
        settings = {
            "ONCOFHIR_FHIR__BASE_URL": server.base_url,
            "ONCOFHIR_FHIR__STAGING_SYSTEM": "ajcc-8",
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": IDENTIFIER_SYSTEM,
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        }
        with ReviewPage(settings) as page:
            yield Reviewed(page.url, server.base_url, settings)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def _is_ours(message: ConsoleMessage) -> bool:
    """Not what Chromium and htmx say of a refused request, and nothing of the OpenID provider's pages."""
    return not _REQUEST.match(message.text) and not _PROVIDER.search(str(message.location))


@contextmanager
def window(
    browser: Browser, *, scheme: str = "light", size: tuple[int, int] = (1280, 800), **more
) -> Iterator[Page]:
    """A window without memory of another. What its console complains of fails the test."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, **more
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in {"error", "warning"} and _is_ours(message)
            else None
        ),
    )
    page.set_default_timeout(30_000)
    try:
        yield page
        assert not complaints
    finally:
        context.close()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Page]:
    with window(chromium) as page:
        yield page


@pytest.fixture(scope="session")
def axe_script() -> str:
    return axe.source()


@pytest.fixture(scope="session")
def images(pytestconfig: pytest.Config, tmp_path_factory) -> Path:
    """Where screenshots go: docs/images with --write-images."""
    if pytestconfig.getoption("--write-images"):
        return Path(__file__).parents[2] / "docs" / "images"
    return tmp_path_factory.mktemp("images")
