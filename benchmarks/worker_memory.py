"""Memory of a whole worker, its parsing processes included, with the twelve worst documents at once.

    python -m benchmarks.worker_memory [--rounds 3] [--limit-mib 1024]

`oncofhir worker` runs as a process with its defaults in a memory cgroup with the chart's limit; the embedded
broker, the FHIR server and a scripted model are outside. Each round publishes the documents of
`hostile_documents` as DiagnosticReports, all at once: in the record, or at an attachment host where a record
cannot hold them. As many records of 15 MB beside them as the worker takes in flight. The working set is read
50 times a second until each record has an outcome. `ratio` is its peak against the limit; the goal is met if
nothing is lost and nothing was killed for memory. Linux only; without the right to make a cgroup nothing is
limited, and `cgroup` is null: then the sum of the proportional set sizes (PSS) of all processes counts.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.hostile_documents import DOCUMENTS
from benchmarks.intake_memory import POD_MIB, process_family, pss_kib
from benchmarks.memory_limit import MEBIBYTE, MemoryCgroup
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import free_port, responds
from oncofhir.settings import Settings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import attachment, diagnostic_report
from tests.integration.consumers.worker_harness import message, publish, read_all, settings_for
from tests.integration.ingest.backfill_kills import environment_of
from tests.serving import served

_INTERVAL = 0.02
_MOST_SECONDS = 420.0
_MOST_RECORD_BYTES = 15 * MEBIBYTE
_LARGE_RECORDS = 4  # 64 MiB are in flight at most
_UNTYPED = "application/octet-stream"


class WorkerEndedError(Exception):
    """The worker ended by itself; its log is on stderr."""


@dataclass
class Peaks:
    """The largest values so far, in MiB."""

    pss: float = 0.0
    worker: float = 0.0
    working_set: float = 0.0
    anonymous: float = 0.0

    def read(self, pid: int, cgroup: MemoryCgroup | None) -> None:
        """Read the worker and all that it started."""
        self.worker = max(self.worker, pss_kib(pid) / 1024)
        self.pss = max(self.pss, sum(map(pss_kib, process_family(pid))) / 1024)
        if cgroup is not None:
            use = cgroup.use()
            self.working_set = max(self.working_set, use.working_set)
            self.anonymous = max(self.anonymous, use.anonymous)


def attachment_host(documents: dict[str, bytes]) -> Starlette:
    """Serve the documents by name."""

    def document(request: Request) -> Response:
        name = request.path_params["name"]
        return Response(documents[name], media_type=DOCUMENTS[name][1] or _UNTYPED)

    def health(_: Request) -> Response:
        return Response()

    return Starlette(routes=[Route("/health", health), Route("/documents/{name}", document)])


def reports(documents: dict[str, bytes], host: str, number: int) -> list[dict[str, Any]]:
    """Return a report per document, and large ones whose text is harmless."""
    made = []
    for name, data in documents.items():
        kind = DOCUMENTS[name][1] or _UNTYPED
        form = attachment(data, kind)
        if len(json.dumps(form)) > _MOST_RECORD_BYTES:
            form = {"contentType": kind, "url": f"{host}/documents/{name}"}
        made.append(diagnostic_report(f"{name}-{number}", form, meta={"versionId": "1"}))
    words = b"Left breast: invasive ductal carcinoma. " * (_MOST_RECORD_BYTES * 2 // 3 // 40)
    made += [
        diagnostic_report(
            f"large-{index}-{number}", attachment(words, "text/plain"), meta={"versionId": "1"}
        )
        for index in range(_LARGE_RECORDS)
    ]
    return made


def measure(rounds: int, limit_mib: int) -> dict[str, Any]:
    """Run it, and return what was measured."""
    documents = {name: make() for name, (make, _) in DOCUMENTS.items()}
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        fhir = stack.enter_context(EmbeddedFhirServer())
        model = stack.enter_context(ScriptedModel([]))
        host = stack.enter_context(served(attachment_host(documents)))
        cgroup = _cgroup(stack, limit_mib)
        settings = settings_for(broker.address)
        ensure_topics(settings.kafka, partitions=4)
        port = free_port()
        environment = environment_of(settings) | {
            "ONCOFHIR_KAFKA__GROUP_ID": settings.kafka.group_id,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_INTAKE__ALLOWED_ORIGINS": json.dumps([host]),
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_HTTP__PORT": str(port),
        }
        command = [sys.executable, "-m", "oncofhir", "worker"]
        out = stack.enter_context(tempfile.TemporaryFile())
        worker = subprocess.Popen(
            command if cgroup is None else cgroup.command(command),
            env=os.environ | environment,
            stdout=out,
            stderr=out,
        )
        stack.callback(_stop, worker)
        published = [
            report for number in range(rounds) for report in reports(documents, host, number)
        ]
        try:
            return asyncio.run(_under_load(worker, port, settings, published, cgroup, limit_mib))
        except WorkerEndedError:
            out.seek(0)
            sys.stderr.write(out.read().decode()[-2_000:])
            raise


def _cgroup(stack: contextlib.ExitStack, limit_mib: int) -> MemoryCgroup | None:
    try:
        return stack.enter_context(MemoryCgroup(limit_mib * MEBIBYTE))
    except OSError as error:
        print(f"no cgroup ({error.strerror}): sampling only, nothing is limited", file=sys.stderr)
        return None


async def _under_load(
    worker: "subprocess.Popen[bytes]",
    port: int,
    settings: Settings,
    published: list[dict[str, Any]],
    cgroup: MemoryCgroup | None,
    limit_mib: int,
) -> dict[str, Any]:
    while not await asyncio.to_thread(responds, f"http://127.0.0.1:{port}/ready"):
        if worker.poll() is not None:
            raise WorkerEndedError
        await asyncio.sleep(0.2)
    idle, peaks = Peaks(), Peaks()
    idle.read(worker.pid, cgroup)
    reading = asyncio.create_task(asyncio.to_thread(_watch_outcomes, settings, len(published)))
    sending = asyncio.create_task(publish(settings, [message(settings, r) for r in published]))
    began = time.monotonic()
    while not reading.done():
        if worker.poll() is not None:
            raise WorkerEndedError
        peaks.read(worker.pid, cgroup)
        await asyncio.sleep(_INTERVAL)
    await sending
    outcomes = reading.result()
    peak = peaks.working_set if cgroup else peaks.pss
    kills = cgroup.kills() if cgroup else None
    return {
        "name": "worker-memory",
        "ratio": round(peak / POD_MIB, 2),
        "goal": 1,
        "met": peak <= POD_MIB and len(outcomes) == len(published) and not kills,
        "cgroup": cgroup.version if cgroup else None,
        "limit_mib": limit_mib if cgroup else None,
        "killed_for_memory": kills,
        "working_set_mib": round(peaks.working_set) if cgroup else None,
        "anonymous_mib": round(peaks.anonymous) if cgroup else None,
        "pss_mib": round(peaks.pss),
        "worker_process_mib": round(peaks.worker),
        "idle_pss_mib": round(idle.pss),
        "records": len(published),
        "megabytes": round(sum(len(json.dumps(report)) for report in published) / 1e6),
        "outcomes": collections.Counter(outcomes.values()),
        "seconds": round(time.monotonic() - began),
    }


def _watch_outcomes(settings: Settings, wanted: int) -> dict[str, str]:
    """Return status, and reason if any, of each source as soon as there are as many as wanted."""
    deadline = time.monotonic() + _MOST_SECONDS
    found: dict[str, str] = {}
    while len(found) < wanted and time.monotonic() < deadline:
        time.sleep(3)
        for record in read_all(settings, settings.kafka.outcome_topic):
            row = json.loads(record.value)
            found[row["source"]] = " ".join(filter(None, (row["status"], row.get("reason"))))
    return found


def _stop(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(60)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def main() -> None:
    """Run it and print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit-mib", type=int, default=POD_MIB)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.limit_mib)), flush=True)


if __name__ == "__main__":
    main()
