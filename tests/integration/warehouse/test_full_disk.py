"""A disk that fills while rows are landed, and has space again: a small tmpfs in a mount namespace of its own."""

import json
import os
import subprocess
import sys

import duckdb
import pytest
from deltalake import DeltaTable

from tests.integration.warehouse.test_sink_command import publish
from tests.unit.warehouse.landing.rows import row

ROWS = 6_000
# Two runs: on 2 MB, and after the disk has grown; `$1` is the mount point, the rest is the sink's command.
SCRIPT = """
mount -t tmpfs -o size=2m none "$1" || exit 90
disk=$1; shift
"$@"; echo "status $?" >&2
mount -o remount,size=300m "$disk" || exit 91
"$@" || exit 92
cp -r "$disk" "$disk.copy"
"""


@pytest.mark.scenario
@pytest.mark.parametrize("arguments", [("--duckdb", "w.duckdb"), ("--delta", "lake")])
def test_a_full_disk_ends_the_sink_and_the_next_run_lands_every_row(settings, tmp_path, arguments):
    publish(settings, [row(finding=f"f{n}", value=f"{os.urandom(500).hex()}") for n in range(ROWS)])
    disk = tmp_path / "disk"
    disk.mkdir()
    option, name = arguments
    sink = [sys.executable, "-m", "oncofhir", "sink", "--once", "--batch-records", "1000"]
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", SCRIPT, "-", str(disk), *sink, option, str(disk / name)],
        env=os.environ
        | {
            f"ONCOFHIR_KAFKA__{key.upper()}": getattr(settings.kafka, key)
            for key in ("bootstrap_servers", "phenotype_topic", "outcome_topic")
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "status 3" in done.stderr
    assert "free space" in done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])["tables"]["phenotypes"]
    landed = findings(disk.with_name("disk.copy") / name)
    assert len(landed) == len(set(landed)) == ROWS
    assert 0 < counts["merged"] <= ROWS


def findings(path):
    if path.is_dir():
        table = DeltaTable(str(path / "phenotypes")).to_pyarrow_table()
        return table.column("finding").to_pylist()
    with duckdb.connect(str(path), read_only=True) as connection:
        return [f for (f,) in connection.execute("SELECT finding FROM phenotypes").fetchall()]
