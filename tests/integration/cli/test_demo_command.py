"""`oncofhir demo --keep` as a process: what it says of itself can be used, and its findings can be traced."""

import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest

EXPORT = re.compile(r"  export (ONCOFHIR_\w+)=(\S+)")
LAST = "ONCOFHIR_KAFKA__GROUP_ID"


def told(running: subprocess.Popen) -> dict[str, str]:
    """The settings that it prints for other commands."""
    settings: dict[str, str] = {}
    for line in running.stderr:
        if found := EXPORT.match(line):
            settings[found[1]] = found[2]
        if LAST in settings:
            break
    return settings


def sources(base: str) -> set[str]:
    answer = httpx2.get(f"{base}/Provenance?_count=200", trust_env=False).json()
    return {
        entity["what"]["reference"]
        for entry in answer["entry"]
        for entity in entry["resource"].get("entity", ())
        if entity["role"] == "source"
    }


@pytest.mark.timeout(180)
def test_a_kept_demo_can_be_used_and_its_findings_traced_to_their_reports():
    running = subprocess.Popen(
        [sys.executable, "-m", "oncofhir", "demo", "--keep", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        settings = told(running)
        base = settings["ONCOFHIR_FHIR__BASE_URL"]
        found = sources(base)
        assert found
        for reference in found:
            assert httpx2.get(f"{base}/{reference}", trust_env=False).is_success
        focus = min(found).partition("/_history/")[0]
        tasks = httpx2.get(f"{base}/Task", params={"focus": focus}, trust_env=False).json()
        assert len(tasks["entry"]) == 1
        reconciled = subprocess.run(
            [sys.executable, "-m", "oncofhir", "reconcile"],
            env=os.environ | settings,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert reconciled.returncode == 0, reconciled.stderr
    finally:
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert '"lost": 0' in out
