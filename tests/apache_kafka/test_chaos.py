"""A small chaos run of the kind of `make chaos`: kills and restarts of everything, and then all is accounted for."""

import json
import subprocess
import sys

import pytest

from tests.chaos.plan import SMALL


@pytest.mark.timeout(420)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed():
    command = [sys.executable, "-m", "tests.chaos", "--small"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["kills"], said["lost"], said["reports"]) == (SMALL.kills, 0, SMALL.reports)
