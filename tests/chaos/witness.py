"""The witness: a process of its own that watches what dies and, asked, draws up the account.

    python -m tests.chaos.witness '{"address": …, "group": …, …}'

It looks at the machine's processes: a worker that is gone and whose log has no last word was killed. Each
line on stdin asks for an account, which comes as one JSON object a line; the end of stdin ends it.
"""

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.accounting import Topics, account_of
from tests.chaos.store import FhirStore

_LAST_WORD = b'"worker stopped"'
_PAUSE_SECONDS = 0.25


class Watch(threading.Thread):
    """Notes the processes of each part, by words of their command lines.

    `parts` has for each part a word of its command line; of what forked, only parents are noted.
    """

    def __init__(self, parts: Mapping[str, str], logs: Path) -> None:
        super().__init__(daemon=True)
        self._parts = parts
        self._logs = logs
        self._known: dict[int, float] = {}
        self._seen: dict[str, set[tuple[int, float]]] = defaultdict(set)
        self._alive: dict[str, set[tuple[int, float]]] = {}

    def run(self) -> None:
        while True:
            self.look()
            time.sleep(_PAUSE_SECONDS)

    def look(self) -> None:
        """Look once at what runs."""
        alive: dict[str, set[tuple[int, float]]] = defaultdict(set)
        for process in psutil.process_iter(["pid", "create_time", "cmdline"]):
            line = process.info["cmdline"] or []
            for part, word in self._parts.items():
                if word in line:
                    alive[part].add((process.info["pid"], process.info["create_time"]))
        self._alive = alive
        for part, found in alive.items():
            self._seen[part] |= found

    def counts(self) -> dict[str, int]:
        """How many of each part were seen to end, and how many workers said no last word."""
        self.look()
        gone = {part: len(self._seen[part] - self._alive.get(part, set())) for part in self._parts}
        farewells = sum(_LAST_WORD in log.read_bytes() for log in self._logs.glob("worker-*.log"))
        return {
            "kills": gone["worker"] - farewells,
            "restarts": gone["broker"] + gone["model"],
            "broker_restarts": gone["broker"],
            "model_restarts": gone["model"],
            "fhir_outages": gone["proxy"],
        }


def main() -> None:
    """Watch until stdin ends."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    topics = Topics(**told["topics"] | {"inputs": tuple(told["topics"]["inputs"])})
    store = FhirStore(told["store"])
    watch = Watch(told["parts"], Path(told["logs"]))
    watch.start()
    for _ in sys.stdin:
        account = account_of(topics, store)
        print(
            json.dumps(account.figures() | watch.counts() | {"wrong": asdict(account)}), flush=True
        )


if __name__ == "__main__":
    main()
