"""`make test-cluster`: the chart on a Kubernetes of this machine; the last line is one JSON object.

Without options: two nodes, images, Kafka, a FHIR server and a model server as pods, and reports that flow while
everything is disrupted. Needs root and Debian's packages (see --help). With `--api-only`: the API server and its
admission alone, for every profile; no root, no containers.

Exit status 0: no faults; 1 otherwise.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helm.check.rendering import CHART, profiles
from tests.cluster import images, isolation
from tests.cluster.certificates import Authority
from tests.cluster.control_plane import control_plane
from tests.cluster.definitions import define_custom_resources
from tests.cluster.nodes import CONTROL_PLANE_ADDRESS, DNS_ADDRESS, network, nodes
from tests.cluster.operators import keda, prometheus
from tests.cluster.profiles import CHECKS
from tests.cluster.programs import (
    CONTROL_PLANE,
    DNS,
    GHOSTUNNEL,
    GPU,
    HELM_3,
    KEDA,
    KEDA_METRICS,
    METRICS,
    NODE,
    PROMETHEUS,
    PROMETHEUS_OPERATOR,
    RELOADER,
    ROUTER,
    build,
    cache,
    is_built,
)
from tests.cluster.releases import Bench, Fault
from tests.cluster.secured import installation
from tests.cluster.steps import Figures, Steps
from tests.cluster.whole import REPORTS, run
from tests.cluster.workloads import start

_PACKAGES = "containerd runc containernetworking-plugins iptables ipset conntrack ethtool debootstrap buildah"
_EVERYTHING = (
    *(CONTROL_PLANE, NODE, DNS, ROUTER, HELM_3, METRICS, GPU, GHOSTUNNEL),
    *(KEDA, KEDA_METRICS, PROMETHEUS_OPERATOR, RELOADER, PROMETHEUS),
)
_PARTS = ("flow", "secured", "profiles")
Report = Callable[[str], None]


def main() -> int:
    """Run the checks and print what they found."""
    given = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the cluster ends with us
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr, flush=True)

    if given.if_built and not is_built(CONTROL_PLANE):
        report(
            f"not checked: no programs in {cache()}; 'make test-cluster' without --if-built builds them"
        )
        return 0
    programs = build((CONTROL_PLANE,) if given.api_only else _EVERYTHING, report)
    if given.api_only:
        figures = _api_only(programs, given.chart, report)
    elif folder := isolation.state_folder():
        figures = _whole(programs, folder, given, report)
    else:
        if os.geteuid():
            sys.exit(
                "make test-cluster needs root, for namespaces and containers; ARGS=--api-only does not"
            )
        images.make(programs, report)
        return isolation.run_isolated(sys.argv[1:])
    figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(figures))
    return 0 if figures["ok"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make test-cluster",
        description=__doc__,
        epilog=f"apt-get install --no-install-recommends {_PACKAGES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--api-only", action="store_true", help="control plane only")
    parser.add_argument(
        "--if-built",
        action="store_true",
        help="end with 0 where the programs are not in the cache: CI does not build them",
    )
    parser.add_argument(
        "--chart", type=Path, default=CHART, help="another chart, such as an older one"
    )
    parser.add_argument(
        "--reports",
        type=int,
        default=REPORTS,
        metavar="N",
        help="how many reports flow; fewer to try a change",
    )
    parser.add_argument(
        "--part",
        nargs="+",
        choices=_PARTS,
        default=_PARTS,
        help="what of the whole is run: all of it unless a change is tried",
    )
    return parser.parse_args()


def _api_only(programs: Path, chart: Path, report: Report) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="oncofhir-cluster-") as folder,
        control_plane(programs, Path(folder), report) as cluster,
    ):
        define_custom_resources(cluster.api)
        faults = _profile_faults(Bench(cluster, chart), report)
    return _figures(chart, cluster.kubernetes, faults)


def _whole(
    programs: Path, folder: Path, given: argparse.Namespace, report: Report
) -> dict[str, Any]:
    isolation.prepare()
    other = network()
    with control_plane(programs, folder, report, CONTROL_PLANE_ADDRESS) as cluster:
        define_custom_resources(cluster.api)
        bench = Bench(cluster, given.chart)
        steps = Steps(Figures(given.reports), report)
        archives = images.make(programs, report)
        with nodes(
            programs, folder, cluster.kubeconfig, archives, cluster.api, other.pid, report
        ) as found:
            authority = Authority()
            start(cluster.api, programs, authority, report)
            isolation.resolve_names(DNS_ADDRESS, folder)
            with steps.step("KEDA starts"):
                keda.start(cluster.api, programs)
            with steps.step("the Prometheus operator starts"):
                prometheus.start(cluster.api, programs)
            if "flow" in given.part:
                run(bench, found, programs, steps)
            if "secured" in given.part:
                installation.run(bench, programs, authority, steps)
        figures, faults = steps.figures, list(steps.figures.faults)
        if "profiles" in given.part:
            faults += _profile_faults(bench, report)
    counted = {
        "nodes": len(found),
        "reports": figures.reports,
        "lost": figures.lost,
        "duplicates": figures.duplicates,
        "policies_checked": figures.policies_checked,
        "disruptions": figures.disruptions,
    }
    return _figures(given.chart, cluster.kubernetes, faults) | counted


def _profile_faults(bench: Bench, report: Report) -> list[str]:
    faults = []
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check(bench)
            report(f"ok     {name}")
        except Fault as fault:
            faults.append(name)
            report(f"FAULT  {name}: {fault}")
    return faults


def _figures(chart: Path, kubernetes: str, faults: list[str]) -> dict[str, Any]:
    return {
        "ok": not faults,
        "kubernetes": kubernetes,
        "nodes": 0,
        "profiles": len(profiles(chart)),
        "checks": len(CHECKS),
        "reports": 0,
        "lost": 0,
        "duplicates": 0,
        "policies_checked": 0,
        "faults": faults,
    }


if __name__ == "__main__":
    sys.exit(main())
