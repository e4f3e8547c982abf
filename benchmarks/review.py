"""How fast the worklist and a report answer: `python -m benchmarks.review [--findings 10000]`.

Stores reports with 12 findings each in an embedded FHIR server, follows them, and asks the page itself
(routing, templates and all) for lists with different filters and for reports, one request after another.
Prints one JSON object: seconds at the 50th and 95th percentile, and what the first pass took.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.review.composition import open_review
from oncofhir.review.web.build import build_app
from oncofhir.schemas.review import PageRequest, WorklistFilter
from oncofhir.settings import FhirSettings, ReviewSettings, Settings, WorklistSettings
from tests.builders import BREAST, pathology_report
from tests.integration.fhir.document_store import SYSTEM, Bench

PER_REPORT = 12
LIST_QUERIES = (
    "/",
    "/?kind=diagnosis",
    "/?kind=tumor-size&sort=oldest",
    "/?reason=unreviewed&sort=newest",
    "/?model=m&sort=confidence",
    "/?body_site=breast",
)


def settings_for(base_url: str, folder: Path) -> Settings:
    """Settings of a review of the documents that `Bench` stores."""
    return Settings(
        fhir=FhirSettings(base_url=base_url, source_name="test", identifier_system=SYSTEM),
        worklist=WorklistSettings(index_file=folder / "index.sqlite"),
    )


async def fill(base_url: str, reports: int) -> None:
    """Store documents, and their reports at the source, several at a time."""
    limit = asyncio.Semaphore(8)

    async def one() -> None:
        async with limit:
            bench = Bench(base_url)
            try:
                await bench.prepare()
                await bench.store()
                resource = pathology_report(bench.ident, BREAST, patient=bench.ident)
                await bench.itself.update({k: v for k, v in resource.items() if k != "meta"})
            finally:
                await bench.aclose()

    await asyncio.gather(*(one() for _ in range(reports)))


async def timed(client: httpx2.AsyncClient, paths: list[str]) -> dict[str, float]:
    """Ask for each path; the 50th and 95th percentile in seconds."""
    seconds = []
    for path in paths:
        began = time.perf_counter()
        answer = await client.get(path)
        seconds.append(time.perf_counter() - began)
        answer.raise_for_status()
    seconds.sort()
    return {
        "p50": round(seconds[len(seconds) // 2], 4),
        "p95": round(seconds[int(len(seconds) * 0.95)], 4),
    }


async def measure(base_url: str, requests: int) -> dict[str, Any]:
    """Follow the store and time the page."""
    chance = random.Random(7)
    settings = settings_for(base_url, Path(tempfile.mkdtemp()))
    async with open_review(settings) as review:
        began = time.perf_counter()
        await review.watcher.run_once()
        first = time.perf_counter() - began
        began = time.perf_counter()
        await review.watcher.run_once()
        second = time.perf_counter() - began
        page = await review.store.worklist(WorklistFilter(), PageRequest(limit=500))
        app = build_app(ReviewSettings(), review.store, review.store.client)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8070", follow_redirects=True
        ) as client:
            lists = await timed(client, [chance.choice(LIST_QUERIES) for _ in range(requests)])
            documents = sorted({item.document for item in page.items})
            paths = [f"/reports/{chance.choice(documents)}" for _ in range(requests)]
            reports = await timed(client, paths)
    return {
        "findings": page.total,
        "worklist": lists,
        "report": reports,
        "first_pass_seconds": round(first, 1),
        "next_pass_seconds": round(second, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    with EmbeddedFhirServer() as server:
        asyncio.run(fill(server.base_url, -(-options.findings // PER_REPORT)))
        print(json.dumps(asyncio.run(measure(server.base_url, options.requests))))


if __name__ == "__main__":
    main()
