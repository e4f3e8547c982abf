"""What building a report's FHIR costs, and how many reports a second a store takes.

    python -m benchmarks.output [--rounds 60] [--seconds 6] [--hapi]

Building is all from findings to the serialised transaction Bundle, against fhir.resources validating and
dumping the same resources. Building validates each finding and the Provenance (`r4_validation`, by the same
library), but not the head; `validation_share` is how much of building that is: what leaving it out would
gain. Storing is a first version: search, the head's reservation, one transaction. With `--hapi` HAPI FHIR is
measured beside the embedded server (JDK 17, Maven).
"""

import argparse
import asyncio
import itertools
import json
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.repository import Repository
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.extraction import Answer, Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.report import Report
from tests.builders import BREAST, pathology_report
from tests.hapi_fhir.server import HapiFhirServer

MODEL = ModelIdentity(name="m", digest="d", server="benchmark")
PROMPTS = PromptSetIdentity(name="p", version="1", sha256="s")
ANSWERS = {
    "tumor size": "2.3 x 1.8 x 1.5 cm",
    "tumor site": "breast",
    "tumor laterality": "left",
    "histological type": "invasive ductal carcinoma",
    "cancer grade": "2",
    "cancer stage": "pT2 pN1a, stage IIB",
    "hormone receptor status": "ER positive, PR negative, HER2 negative",
    "diagnosis": "breast cancer",
}
IN_FLIGHT = (1, 4, 16)
_numbers = itertools.count()


def repository(client: FhirClient) -> Repository:
    """As the worker has it."""
    return Repository(
        client,
        source_name="benchmark",
        identifier_system="https://benchmark.example/sid",
        organization="benchmark",
        software_version="1",
    )


async def report_of(ident: str) -> Report:
    """A pathology report with every phenotype."""
    resource = pathology_report(ident, f"{BREAST}\nAccession {ident}.", patient="benchmark")
    return await read_report(resource, Companions(()), IntakeLimits())


def extraction_of(report: Report) -> Extraction:
    """What a model would have answered."""
    answers = tuple(
        Answer(question=q, text=a, finish_reason="eos_token") for q, a in ANSWERS.items()
    )
    findings, rejected = interpret(report, answers)
    return Extraction(model=MODEL, prompt_set=PROMPTS, findings=findings, rejected=rejected)


async def building(rounds: int) -> dict[str, object]:
    """The ratio of building to bare validation and dump."""
    client = FhirClient("http://127.0.0.1:9/fhir")
    store, report = repository(client), await report_of("b")
    extraction, run = extraction_of(report), run_of(report, MODEL, PROMPTS, "x", "1", "1")
    bundle, _ = store.first_version(report, run, extraction)
    resources = [entry["resource"] for entry in bundle["entry"]]
    checked = [resource for resource in resources if resource["resourceType"] != "Task"]
    took: dict[str, list[float]] = {"ours": [], "validation": [], "dump": [], "checks": []}
    for _ in range(rounds + 3):
        began = time.process_time()
        json.dumps(store.first_version(report, run, extraction)[0])
        built = time.process_time()
        models = [get_fhir_model_class(r["resourceType"]).model_validate(r) for r in resources]
        validated = time.process_time()
        for model in models:
            model.model_dump_json()
        took["ours"].append(built - began)
        took["validation"].append(validated - built)
        dumped = time.process_time()
        for resource in checked:
            validate(resource)
        took["dump"].append(dumped - validated)
        took["checks"].append(time.process_time() - dumped)
    await client.aclose()
    ours, validation, dump, checks = (statistics.median(took[name][3:]) for name in took)
    return {
        "name": "output-build-a-report",
        "ratio": round(ours / (validation + dump), 2),
        "goal": 2.0,
        "resources": len(resources),
        "milliseconds": round(1000 * ours, 2),
        "bare_milliseconds": round(1000 * (validation + dump), 2),
        "validation_share": round(checks / ours, 2),
    }


async def storing(base_url: str, seconds: float) -> Iterator[tuple[int, float]]:
    """Reports a second, for each number in flight."""
    client = FhirClient(base_url, max_connections=max(IN_FLIGHT))
    store = repository(client)
    await client.update({"resourceType": "Patient", "id": "benchmark"})
    first = await report_of("first")
    await store.ensure_shared_resources(run_of(first, MODEL, PROMPTS, "x", "1", "1"), "prompts")

    async def store_one() -> None:
        ident = f"bench-{next(_numbers)}"
        source: dict[str, Any] = {"resourceType": "DiagnosticReport", "id": ident}
        source |= {"status": "final", "code": {"text": "a report"}}
        await client.update(source)
        report = await report_of(ident)
        run = run_of(report, MODEL, PROMPTS, "x", "1", "1")
        head = await store.find_head(report.source, report)
        await store.store(report, run, extraction_of(report), head)

    async def until(end: float) -> int:
        done = 0
        while time.monotonic() < end:
            await store_one()
            done += 1
        return done

    rates = []
    await store_one()
    for count in IN_FLIGHT:
        began = time.monotonic()
        done = sum(await asyncio.gather(*(until(began + seconds) for _ in range(count))))
        rates.append((count, done / (time.monotonic() - began)))
    await client.aclose()
    return iter(rates)


def main() -> None:
    """Command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--hapi", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(building(arguments.rounds))), flush=True)
    with ExitStack() as stack:
        servers = {"sekmet-fhir": stack.enter_context(EmbeddedFhirServer()).base_url}
        if arguments.hapi:
            servers["hapi-fhir"] = stack.enter_context(HapiFhirServer()).base_url
        for name, base_url in servers.items():
            rates = {
                str(count): round(rate, 1)
                for count, rate in asyncio.run(storing(base_url, arguments.seconds))
            }
            line = {"name": f"output-reports-a-second-{name}", "in_flight": rates}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
