"""Memory of the process that parses attachments, and of its children, with the worst documents at once.

    python -m benchmarks.intake_memory [--processes 2] [--memory-mib N] [--seconds 30] [--each]

The twelve documents of `hostile_documents` are given to one pool at the same time, as a worker does. The sum
of the proportional set sizes (PSS: shared pages count once) of this process and all that it starts is read 50
times a second. The ratio is its peak against what the chart's limit leaves: 1 GiB less `--reserved-mib` for
the rest of the worker (records in flight, clients). `--each` also measures each document alone. Linux only.
"""

import argparse
import asyncio
import json
import os
import re
import time
from pathlib import Path

from benchmarks.hostile_documents import DOCUMENTS, MEBIBYTE
from oncofhir.fhir.intake.attachments.sandbox import ParsingBounds, ParsingPool
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import UnreadableReport

POD_MIB = 1024
_PSS = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)
_INTERVAL = 0.02


def process_family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found, parents = [pid], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def pss_kib(pid: int) -> int:
    """Return the proportional set size of a process; 0 if it has ended."""
    try:
        match = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0
    return int(match[1]) if match else 0


class Peak:
    """The largest sum of the family's set sizes, and of a single child, in MiB."""

    def __init__(self) -> None:
        self.total = 0.0
        self.one = 0.0

    async def watch(self) -> None:
        while True:
            sizes = {pid: pss_kib(pid) / 1024 for pid in process_family(os.getpid())}
            self.total = max(self.total, sum(sizes.values()))
            children = [size for pid, size in sizes.items() if pid != os.getpid()]
            self.one = max(self.one, *children, 0.0)
            await asyncio.sleep(_INTERVAL)


async def _outcome(pool: ParsingPool, name: str, data: bytes) -> tuple[str, str]:
    try:
        decoded = await pool.parse(data, DOCUMENTS[name][1], name, IntakeLimits())
    except UnreadableReport as error:
        return name, error.reason.value
    return name, f"{len(decoded.text)} characters"


async def measure(
    bounds: ParsingBounds, documents: dict[str, bytes]
) -> tuple[Peak, float, dict[str, str]]:
    """Parse the documents at once; return the peak, the seconds, and what came of each."""
    pool, peak = ParsingPool(bounds), Peak()
    watching = asyncio.create_task(peak.watch())
    began = time.monotonic()
    try:
        outcomes = dict(
            await asyncio.gather(*(_outcome(pool, *item) for item in documents.items()))
        )
    finally:
        watching.cancel()
        await pool.aclose()
    return peak, time.monotonic() - began, outcomes


async def run(arguments: argparse.Namespace) -> None:
    defaults = ParsingBounds()
    bounds = ParsingBounds(
        processes=arguments.processes or defaults.processes,
        seconds=arguments.seconds or defaults.seconds,
        memory_bytes=arguments.memory_mib * MEBIBYTE
        if arguments.memory_mib
        else defaults.memory_bytes,
    )
    documents = {name: make() for name, (make, _) in DOCUMENTS.items()}
    if arguments.each:
        for name, data in documents.items():
            peak, seconds, outcomes = await measure(bounds, {name: data})
            line = {
                "name": f"intake-memory-{name}",
                "bytes": len(data),
                "child_mib": round(peak.one),
            }
            print(
                json.dumps(line | {"seconds": round(seconds, 1), "outcome": outcomes[name]}),
                flush=True,
            )
    peak, seconds, outcomes = await measure(bounds, documents)
    left = POD_MIB - arguments.reserved_mib
    line = {
        "name": "intake-memory",
        "ratio": round(peak.total / left, 2),
        "goal": 1,
        "met": peak.total <= left,
        "peak_mib": round(peak.total),
        "largest_child_mib": round(peak.one),
        "reserved_mib": arguments.reserved_mib,
        "seconds": round(seconds, 1),
        "outcomes": outcomes,
    }
    print(json.dumps(line))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--memory-mib", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--reserved-mib", type=int, default=300)
    parser.add_argument("--each", action="store_true")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
