"""`make chaos`: prints what is done to the system, a table, and last one JSON object. Exit 1: something is wrong."""

import argparse
import json
import signal
import sys
import time
from dataclasses import replace

from tests.chaos.director import run, staged, without_one_finding
from tests.chaos.plan import SMALL, Plan
from tests.chaos.verdict import faults_of

_CONTRACT = (
    "reports",
    "lost",
    "duplicates",
    "order_violations",
    "dead_letters",
    "lag",
    "kills",
    "restarts",
    "seconds",
)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--small", action="store_true", help="the run of make test-kafka")
    parser.add_argument("--store", choices=("sekmet", "hapi"), default="sekmet")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all parts end with us
    plan = replace(SMALL if told.small else Plan(), seed=told.seed)
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr, flush=True)

    with staged(plan, say, hapi=told.store == "hapi") as stage:
        account = run(stage)
        say("one finding is deleted from the store: the account must show it")
        control = without_one_finding(stage)
    wrong = faults_of(plan, account, control)
    details = account.pop("wrong")
    for name, value in account.items():
        print(f"{name:20} {value}")
    print(f"{'lost, one deleted':20} {control['lost']}")
    for name in ("lost", "duplicates", "order", "rows"):
        for line in details[name][:10]:
            say(f"{name}: {line}")
    for line in wrong:
        say(f"WRONG: {line}")
    print(json.dumps({name: account[name] for name in _CONTRACT}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
