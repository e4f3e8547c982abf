"""`python -m helm.check`: everything about the chart, and one JSON line of figures last.

Exit status 0: no findings and no failed test; 1 otherwise.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import pytest

from helm.check.custom_resources import OURS, upstream
from helm.check.findings import check
from helm.check.manifests import KUBERNETES_VERSIONS
from helm.check.rendering import CHART

_TESTS = Path(__file__).parents[2] / "tests" / "helm"


class Counted:
    """A pytest plugin that counts."""

    def __init__(self) -> None:
        self.passed = self.failed = self.refused = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's outcome; a failing set-up counts as a failing test."""
        if report.failed or report.skipped:
            self.failed += 1
        elif report.when == "call":
            self.passed += 1
            self.refused += "test_wrong_combinations_are_refused" in report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be read counts as a failing test."""
        self.failed += report.failed


def main() -> int:
    """Check, print what was found, and the figures."""
    began = time.monotonic()
    arguments = argparse.ArgumentParser(prog="python -m helm.check", description=__doc__)
    arguments.add_argument("--chart", type=Path, default=CHART)
    arguments.add_argument(
        "--write", action="store_true", help="bring renders and README up to date"
    )
    arguments.add_argument("--no-tests", action="store_true", help="leave tests/helm out")
    arguments.add_argument(
        "--crds", type=Path, help="folder of CustomResourceDefinitions to use as well"
    )
    given = arguments.parse_args()

    custom = OURS | upstream(given.crds) if given.crds else OURS
    report = check(given.chart, write=given.write, custom=custom)
    for finding in report.findings:
        print(f"helm-check: {finding}", file=sys.stderr)
    counted = Counted()
    if not given.no_tests:
        pytest.main(["-q", "-p", "no:cacheprovider", str(_TESTS)], plugins=[counted])
    ok = not report.findings and not counted.failed and (given.no_tests or counted.passed > 0)
    figures = {
        "ok": ok,
        "profiles": report.profiles,
        "manifests": report.manifests,
        "custom_resources": report.custom_resources,
        "kubernetes_versions": list(KUBERNETES_VERSIONS),
        "findings": len(report.findings),
        "refused": counted.refused,
        "tests": counted.passed + counted.failed,
        "failed": counted.failed,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(figures))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
