"""The tutorial, followed: its report, its commands and its query, as the page prints them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from docs.site.blocks import blocks
from tests.waiting import PATIENCE_SECONDS

PAGE = Path(__file__).parents[2] / "docs/tutorial/first-reviewed-finding.md"
BLOCKS = list(blocks(PAGE))
EXPORT = re.compile(r"  export (ONCOFHIR_\w+)=(\S+)")


def block(language, start):
    """The text of the block of this language that starts so."""
    [found] = [b.text for b in BLOCKS if b.language == language and b.text.startswith(start)]
    return found


def run(script, folder, environment=None):
    """Run a block as a reader does: `.venv` is the environment of this interpreter."""
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(sys.prefix)
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def without_padding(table):
    return re.sub(r" *│ *", "│", table)


def shown_findings():
    """Lines such as "tumor size: 23 mm" of the page's second output."""
    return re.findall(r"^  (\w[\w ]*): ([^(]+) \(", block("text", "report.txt"), re.MULTILINE)


def test_the_report_gives_what_the_page_shows(tmp_path):
    (tmp_path / "report.txt").write_text(block("text", "SURGICAL"))
    found = json.loads(run(block("sh", ".venv/bin/oncofhir extract"), tmp_path))
    values = {finding["value"] for finding in found["findings"]}
    shown = {value for _, value in shown_findings()}
    assert len(shown) == 3
    assert shown <= values
    for finding in found["findings"]:
        for evidence in finding["evidence"]:
            assert "No history of cancer" not in evidence["text"]


def test_a_size_without_evidence_is_dropped(tmp_path):
    (tmp_path / "report.txt").write_text(block("text", "SURGICAL").replace("cm in", "furlongs in"))
    found = json.loads(run(block("sh", ".venv/bin/oncofhir extract"), tmp_path))
    assert "tumor-size" not in {finding["kind"] for finding in found["findings"]}


def test_demo_page_sink_and_query(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "-m", *block("sh", ".venv/bin/oncofhir demo").removeprefix(".venv/bin/").split(), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        settings, address = {}, None
        for line in running.stderr:
            if found := EXPORT.match(line):
                settings[found[1]] = found[2]
            if settings and (found := re.match(r"  (http://127\.0\.0\.1:\d+/)$", line)):
                address = found[1]
                break
        worklist = httpx2.get(address, trust_env=False, follow_redirects=True)
        assert worklist.is_success
        assert "138 findings" in worklist.text
        landed = json.loads(run(block("sh", ".venv/bin/oncofhir sink"), tmp_path, settings))
        shown = json.loads(block("json", "{"))
        for table in ("phenotypes", "outcomes"):
            assert landed["tables"][table]["merged"] == shown["tables"][table]["merged"]
        printed = run(block("sh", ".venv/bin/python"), tmp_path)
        for row in ("│breast cancer│3│", "│bladder cancer│1│"):
            assert row in without_padding(printed)
            assert row in without_padding(block("text", "┌"))
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=PATIENCE_SECONDS)
