"""Audits the image's packages: known vulnerabilities (pip-audit, PyPI's database) and licences. `make audit`.

Exit status: 0 none; 1 a vulnerability or a licence that is not accepted; 3 the database did not answer, so
that nothing is known. `--if-reachable` makes that last case 0, and says so.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from image.licences import LOCK, UnacceptedLicenceError, licence_of, locked_packages

_FOUND, _UNREACHABLE = 1, 3


def vulnerabilities(report: dict[str, Any]) -> list[str]:
    """Lines for the vulnerabilities of a report of `pip-audit --format json`."""
    return [
        f"{package['name']} {package['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'none'}"
        for package in report["dependencies"]
        for found in package.get("vulns", ())
    ]


def unchecked(report: dict[str, Any]) -> list[str]:
    """The packages for which the database had no answer: pip-audit skips them and still succeeds."""
    return [package["name"] for package in report["dependencies"] if "skip_reason" in package]


def run_pip_audit(program: Path, lock: Path) -> dict[str, Any] | None:
    """Return its report; None where it could not ask at all."""
    command = [str(program), "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "20"]
    ran = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=600
    )
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        return None
    return report


def licence_faults() -> list[str]:
    """Licences of the locked packages that are not accepted; prints how many packages have which."""
    faults, counts = [], Counter[str]()
    for name, _ in locked_packages():
        try:
            counts[licence_of(name)] += 1
        except UnacceptedLicenceError as error:
            faults.append(str(error))
    print("licences: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    return faults


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--pip-audit", type=Path, default=Path("pip-audit"), help="the program")
    parser.add_argument("--if-reachable", action="store_true", help="succeed without an answer")
    arguments = parser.parse_args()
    faults = licence_faults()
    report = run_pip_audit(arguments.pip_audit, LOCK)
    missing = [name for name, _ in locked_packages()] if report is None else unchecked(report)
    faults += vulnerabilities(report) if report is not None else []
    for fault in faults:
        print(fault, file=sys.stderr)
    total = sum(1 for _ in locked_packages())
    print(f"vulnerabilities: {total - len(missing)} of {total} packages checked")
    if faults:
        return _FOUND
    if missing:
        print(
            f"NOT CHECKED for vulnerabilities: {len(missing)} packages; PyPI's database did not answer. "
            "Run make audit where it is reachable",
            file=sys.stderr,
        )
        return 0 if arguments.if_reachable else _UNREACHABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
