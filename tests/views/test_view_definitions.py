"""The ViewDefinitions, run by Pathling on the demo's store, give the rows that the demo landed."""

import json
import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx2
import pytest

EXPORT = re.compile(r"export (ONCOFHIR_\w+)=(\S+)")
LAST = "ONCOFHIR_KAFKA__GROUP_ID"
RUNNER = Path(__file__).with_name("run_pathling.py")
# Their text in FHIR says more than the value: "grade 2", "ER positive", "stage IB".
LONGER_TEXT = {"cancer-grade", "hormone-receptor", "tumor-laterality"}
# They are elements of the diagnosis' Condition, whose passage is the diagnosis'.
WITHIN_CONDITION = {"tumor-site", "tumor-laterality"}


def resources(base, resource_type):
    url, found = f"{base}/{resource_type}?_count=100", []
    while url:
        bundle = httpx2.get(url, trust_env=False).json()
        found += [entry["resource"] for entry in bundle.get("entry", ())]
        links = {link["relation"]: link["url"] for link in bundle.get("link", ())}
        url = links.get("next")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the demo's landed rows, its store as NDJSON, and the views of its settings."""
    folder = tmp_path_factory.mktemp("demo")
    running = subprocess.Popen(
        [sys.executable, "-m", "oncofhir", "demo", "--keep", "--json", "--duckdb", "rows.duckdb"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        settings = {}
        for line in running.stderr:
            settings |= dict(EXPORT.findall(line))
            if LAST in settings:
                break
        (folder / "fhir").mkdir()
        for resource_type in ("Condition", "Observation"):
            found = resources(settings["ONCOFHIR_FHIR__BASE_URL"], resource_type)
            lines = "".join(json.dumps(resource) + "\n" for resource in found)
            (folder / "fhir" / f"{resource_type}.ndjson").write_text(lines)
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    printed = subprocess.run(
        [sys.executable, "-m", "oncofhir", "schemas", "print", "views"],
        env=os.environ | settings,
        capture_output=True,
        check=True,
    )
    (folder / "views.json").write_bytes(printed.stdout)
    return folder


def viewed(folder):
    done = subprocess.run(
        [os.environ["VIEWS_PYTHON"], str(RUNNER), str(folder / "fhir"), str(folder / "views.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    return {(row["resource"], row["kind"], row["slot"]): row for row in rows}


def landed(folder):
    with duckdb.connect(str(folder / "rows.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT * FROM findings")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    return {(row["resource"], row["kind"], row["slot"]): row for row in rows}


@pytest.mark.timeout(900)
def test_the_views_give_the_rows(folder):
    rows, views = landed(folder), viewed(folder)
    assert views.keys() == rows.keys()
    assert len(rows) > 100
    for key, row in rows.items():
        view = views[key]
        assert (view["subject"], view["source"]) == (row["subject"], row["source"])
        assert view["effective"] == row["effective"]
        first = row["codings"][0] if row["codings"] else {}
        assert (view["system"], view["code"]) == (first.get("system"), first.get("code")), key
        number = None if view["number"] is None else float(Decimal(view["number"]))
        assert (number, view["unit"]) == (row["number"], row["unit"])
        if row["kind"] not in WITHIN_CONDITION:
            evidence = row["evidence"][0]
            assert view["finding"] == row["finding"]
            assert view["path"] == evidence["path"]
            if row["source_version"] == "1":  # what a new version leaves as it is keeps its passage
                assert view["attachment_start"] == evidence["attachment_start"]
        if row["number"] is None and row["kind"] not in LONGER_TEXT and row["slot"] != "group":
            assert view["text"] == row["value"]


def test_every_view_has_the_same_columns(folder):
    views = [e["resource"] for e in json.loads((folder / "views.json").read_text())["entry"]]
    columns = {tuple((c["name"], c["type"]) for c in view["select"][0]["column"]) for view in views}
    assert len(columns) == 1
    assert len({view["url"] for view in views}) == len(views) == 13
