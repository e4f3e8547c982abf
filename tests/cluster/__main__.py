"""`make test-cluster`: the chart on a Kubernetes of this machine; the last line is one JSON object.

Exit status 0: no faults; 1 otherwise.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from helm.check.rendering import CHART, profiles
from tests.cluster.control_plane import control_plane
from tests.cluster.definitions import define_custom_resources
from tests.cluster.profiles import CHECKS, Bench, Fault
from tests.cluster.programs import CONTROL_PLANE, build, cache, is_built


def main() -> int:
    """Run the checks and print what they found."""
    parser = argparse.ArgumentParser(prog="make test-cluster", description=__doc__)
    parser.add_argument(
        "--api-only",
        action="store_true",
        required=True,
        help="control plane only: no root, no containers, no nodes",
    )
    parser.add_argument(
        "--if-built",
        action="store_true",
        help="end with 0 where the programs are not in the cache: CI does not build them",
    )
    parser.add_argument(
        "--chart", type=Path, default=CHART, help="another chart, such as an older one"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the control plane ends with us
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr, flush=True)

    if given.if_built and not is_built(CONTROL_PLANE):
        report(
            f"not checked: no programs in {cache()}; 'make test-cluster' without --if-built builds them"
        )
        return 0
    programs = build((CONTROL_PLANE,), report)
    faults = []
    with (
        tempfile.TemporaryDirectory(prefix="oncofhir-cluster-") as folder,
        control_plane(programs, Path(folder), report) as cluster,
    ):
        define_custom_resources(cluster.api)
        bench = Bench(cluster, given.chart)
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            try:
                check(bench)
                report(f"ok     {name}")
            except Fault as fault:
                faults.append(name)
                report(f"FAULT  {name}: {fault}")
    figures = {
        "ok": not faults,
        "kubernetes": cluster.kubernetes,
        "nodes": 0,
        "profiles": len(profiles(given.chart)),
        "checks": len(CHECKS),
        "reports": 0,
        "lost": 0,
        "duplicates": 0,
        "policies_checked": 0,
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(figures))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
