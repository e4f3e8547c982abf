"""How fast the review page answers with many unreviewed findings: `python -m benchmarks.review`.

    python -m benchmarks.review [--findings 10000] [--requests 200]

Stores reports of 12 findings each in the embedded FHIR server, runs `oncofhir review` on it, waits until its
worklist has all of them, and then asks one page after another over HTTP: the worklist with changing filters
and offsets, and report views, each of which writes an AuditEvent. Prints one JSON object a line: `ratio` is
the 95th percentile over the goal of 300 ms.
"""

import argparse
import asyncio
import itertools
import json
import re
import signal
import statistics
import time
from collections.abc import Callable, Sequence

import httpx2

from benchmarks.output import MODEL, PROMPTS, extraction_of, report_of
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.review_page import ReviewPage
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.repository import Repository
from oncofhir.schemas.identity import run_of
from tests.builders import BREAST, pathology_report

GOAL_MS = 300
SYSTEM = "https://benchmark.example/sid"
_IN_FLIGHT = 4
_TOTAL = re.compile(r"([\d,]+) findings? in ")
_REPORT = re.compile(r'href="(/reports/[0-9a-f-]+)')
_FILTERS = (
    "",
    "?kind=tumor-size",
    "?body_site=breast&sort=newest",
    "?sort=oldest&offset=500",
    "?reason=unreviewed&offset=2000",
    "?sort=confidence&offset=5000",
)


async def store_findings(base_url: str, wanted: int) -> int:
    """Store reports until there are as many findings; return their number."""
    client = FhirClient(base_url, max_connections=_IN_FLIGHT)
    store = Repository(
        client,
        source_name="ehr",
        identifier_system=SYSTEM,
        organization="benchmark",
        software_version="1",
    )
    await client.update({"resourceType": "Patient", "id": "benchmark"})
    first = await report_of("first")
    await store.ensure_shared_resources(run_of(first, MODEL, PROMPTS, "x", "1", "1"), "prompts")
    each = len(extraction_of(first).findings)
    numbers = iter(range(-(-wanted // each)))

    async def store_some() -> None:
        for number in numbers:
            ident = f"bench-{number}"
            text = f"{BREAST}\nAccession {ident}."
            await client.update(pathology_report(ident, text, patient="benchmark"))
            report = await report_of(ident)
            run = run_of(report, MODEL, PROMPTS, "x", "1", "1")
            head = await store.find_head(report.source, report)
            await store.store(report, run, extraction_of(report), head)

    await asyncio.gather(*(store_some() for _ in range(_IN_FLIGHT)))
    await client.aclose()
    return -(-wanted // each) * each


def wait_for(client: httpx2.Client, url: str, wanted: int) -> float:
    """Wait until the worklist has all findings; return the seconds."""
    began = time.monotonic()
    while True:
        found = _TOTAL.search(client.get(url).text)
        if found and int(found[1].replace(",", "")) >= wanted:
            return time.monotonic() - began
        time.sleep(1)


def measured(name: str, ask: Callable[[], None], requests: int) -> dict[str, object]:
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    p95 = statistics.quantiles(took, n=20)[-1]
    return {
        "name": name,
        "ratio": round(p95 / GOAL_MS, 2),
        "goal": 1.0,
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(p95, 1),
        "requests": requests,
    }


def asking(client: httpx2.Client, url: str, paths: Sequence[str]) -> Callable[[], None]:
    remaining = itertools.cycle(paths)

    def ask() -> None:
        client.get(url + next(remaining)).raise_for_status()

    return ask


def run(findings: int, requests: int) -> None:
    with EmbeddedFhirServer() as server, EmbeddedBroker() as broker:
        began = time.monotonic()
        stored = asyncio.run(store_findings(server.base_url, findings))
        seeded = time.monotonic() - began
        settings = {
            "ONCOFHIR_FHIR__BASE_URL": server.base_url,
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": SYSTEM,
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        }
        with (
            ReviewPage(settings, wait_seconds=600) as page,
            httpx2.Client(trust_env=False, timeout=60, follow_redirects=True) as client,
        ):
            indexed = wait_for(client, page.url, stored)
            note = {
                "findings": stored,
                "stored_s": round(seeded, 1),
                "indexed_s": round(indexed, 1),
            }
            worklist = asking(client, page.url, _FILTERS)
            print(json.dumps(measured("review-worklist", worklist, requests) | note), flush=True)
            listed = "".join(
                client.get(f"{page.url}?offset={offset}").text for offset in range(0, 500, 50)
            )
            reports = [path.lstrip("/") for path in dict.fromkeys(_REPORT.findall(listed))]
            views = asking(client, page.url, reports)
            print(json.dumps(measured("review-report", views, requests)), flush=True)


def main() -> None:
    """Command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--findings", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    run(arguments.findings, arguments.requests)


if __name__ == "__main__":
    main()
