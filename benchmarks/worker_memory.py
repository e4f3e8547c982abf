"""Memory of a whole worker, its parsing processes included, with the twelve worst documents at once.

    python -m benchmarks.worker_memory [--rounds 3]

`oncofhir worker` runs as a process with its defaults, against an embedded broker, a FHIR server and a
scripted model. Each round publishes the documents of `hostile_documents` as DiagnosticReports, all at once.
The sum of the proportional set sizes (PSS) of the worker and all that it starts is read 50 times a second,
until each record has an outcome. The ratio is the peak against the chart's limit of 1 GiB. Linux only.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.hostile_documents import DOCUMENTS
from benchmarks.intake_memory import POD_MIB, process_family, pss_kib
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import free_port
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import attachment, diagnostic_report
from tests.integration.consumers.worker_harness import message, publish, read_all, settings_for
from tests.integration.ingest.backfill_kills import environment_of

_INTERVAL = 0.02
_MOST_SECONDS = 420.0
_MOST_RECORD_BYTES = 15 * 2**20


class WorkerEndedError(Exception):
    """The worker ended by itself; its log is on stderr."""


def reports(documents: dict[str, bytes], number: int) -> list[dict[str, Any]]:
    """Return a report per document; those that no record can hold are left out."""
    found = []
    for name, data in documents.items():
        form = attachment(data, DOCUMENTS[name][1] or "application/octet-stream")
        made = diagnostic_report(f"{name}-{number}", form, meta={"versionId": "1"})
        if len(json.dumps(made)) < _MOST_RECORD_BYTES:
            found.append(made)
    return found


def measure(rounds: int) -> dict[str, Any]:
    """Run it, and return what was measured."""
    documents = {name: make() for name, (make, _) in DOCUMENTS.items()}
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel([]) as model:
        settings = settings_for(broker.address)
        ensure_topics(settings.kafka, partitions=4)
        environment = environment_of(settings) | {
            "ONCOFHIR_KAFKA__GROUP_ID": settings.kafka.group_id,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_HTTP__PORT": str(free_port()),
        }
        with tempfile.TemporaryFile() as out, contextlib.ExitStack() as stack:
            worker = subprocess.Popen(
                [sys.executable, "-m", "oncofhir", "worker"],
                env=os.environ | environment,
                stdout=out,
                stderr=out,
            )
            stack.callback(_stop, worker)
            try:
                return asyncio.run(_under_load(worker, settings, documents, rounds))
            except WorkerEndedError:
                out.seek(0)
                sys.stderr.write(out.read().decode()[-2_000:])
                raise


async def _under_load(
    worker: "subprocess.Popen[bytes]", settings: Any, documents: dict[str, bytes], rounds: int
) -> dict[str, Any]:
    published = [made for number in range(rounds) for made in reports(documents, number)]
    await asyncio.sleep(5)
    idle = _mib(worker.pid)
    await publish(settings, [message(settings, made) for made in published])
    peak, main, began, ended = idle, 0.0, time.monotonic(), 0
    next_count = began + 5
    while ended < len(published) and time.monotonic() - began < _MOST_SECONDS:
        if worker.poll() is not None:
            raise WorkerEndedError
        peak = max(peak, _mib(worker.pid))
        main = max(main, pss_kib(worker.pid) / 1024)
        if time.monotonic() > next_count:
            next_count = time.monotonic() + 5
            ended = len(await asyncio.to_thread(read_all, settings, settings.kafka.outcome_topic))
        await asyncio.sleep(_INTERVAL)
    return {
        "name": "worker-memory",
        "ratio": round(peak / POD_MIB, 2),
        "goal": 1,
        "met": peak <= POD_MIB and ended >= len(published),
        "peak_mib": round(peak),
        "worker_process_mib": round(main),
        "idle_mib": round(idle),
        "records": len(published),
        "megabytes": round(sum(len(json.dumps(made)) for made in published) / 1e6),
        "outcomes": ended,
        "seconds": round(time.monotonic() - began),
    }


def _stop(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)


def _mib(pid: int) -> float:
    return sum(pss_kib(each) for each in process_family(pid)) / 1024


def main() -> None:
    """Run it and print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(measure(parser.parse_args().rounds)), flush=True)


if __name__ == "__main__":
    main()
