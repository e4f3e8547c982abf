"""Whether workers share one model server fairly, on simulated servers in virtual time.

    python -m benchmarks.model_sharing [--modes tgi vllm llama.cpp slow-cpu] [--workers 2] [--seconds 120]

Each worker has its own client and its own adaptive limit, and more reports than it can ask about. In
`together` they start at the same time; in `late` the last one starts five minutes after the others; in `full`
the server takes 32 requests and answers others 429. Measured after five minutes more, six times as long on
the slow server. `ratio` is the smallest share of the answers that a worker gets, of an equal one: 0.8 is 40 %
of two.
"""

import argparse
import asyncio
import itertools
import json
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.reports import report
from benchmarks.simulated_load import BOUND, REPORTS_PER_REPLICA, WORDS, SimulatedClient
from benchmarks.simulated_server import MODES, Mode, SimulatedServer
from benchmarks.virtual_time import run
from oncofhir.inference.clients.client import Completion, CompletionRequest
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set

GOAL = 0.8  # of an equal share: 40 % for one of two
SETTLE_SECONDS = 300.0
SCALE = {"slow-cpu": 6.0}  # as benchmarks.model_scheduling
CASES = ("together", "late", "full")
FULL = 32
TURNAROUND = (
    0.005  # seconds from an answer to the next request: the network, and the worker's own CPU
)
_ADDRESS = "server"
_TEXTS = 40


class CountingClient(SimulatedClient):
    """Counts its answers."""

    def __init__(self, server: SimulatedServer) -> None:
        super().__init__(server)
        self.answered = 0

    async def complete(self, request: CompletionRequest) -> Completion:
        await asyncio.sleep(TURNAROUND)
        completion = await super().complete(request)
        self.answered += 1
        return completion


class SimulatedWorker:
    """A worker's model client with reports without end."""

    def __init__(self, number: int, server: SimulatedServer) -> None:
        clock = asyncio.get_running_loop().time
        self.client = CountingClient(server)
        self.limit = AdaptiveLimit(BOUND, clock=clock)
        replica = Replica(self.client, self.limit, clock=clock)
        replicas = Replicas(partial(static_addresses, [_ADDRESS]), lambda _: replica, clock=clock)
        self._model = PromptedModel(replicas, load_prompt_set("cancerllm"))
        self._numbers = itertools.count(number * 1_000_000)
        self._texts = [report(seed, WORDS) for seed in range(_TEXTS)]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to ask."""
        await self._model.identify()
        self._tasks = [
            asyncio.create_task(self._one_after_another()) for _ in range(REPORTS_PER_REPLICA)
        ]

    async def _one_after_another(self) -> None:
        while True:
            number = next(self._numbers)
            text = self._texts[number % _TEXTS]
            fresh = {"text": f"{number} {text.text}", "text_sha256": str(number)}
            await self._model.answer(text.model_copy(update=fresh))

    async def stop(self) -> None:
        """End, and wait for the end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True)
class Shared:
    """How the answers of a server were shared by its workers; `limits` are those at the end."""

    shares: list[float]
    answers_per_second: float
    limits: list[int]
    refused: int


async def _shares(
    mode: Mode, case: str, count: int, seconds: float, settle: float, scale: float
) -> Shared:
    if case == "full":
        mode = replace(mode, batch=min(mode.batch, FULL), queue=max(0, FULL - mode.batch))
    server = SimulatedServer(mode)
    workers = [SimulatedWorker(number, server) for number in range(count)]
    first = workers if case != "late" else workers[:-1]
    for worker in first:
        await worker.start()
    if case == "late":
        await asyncio.sleep(settle * scale)
        await workers[-1].start()
    await asyncio.sleep(settle * scale)
    before = [worker.client.answered for worker in workers]
    await asyncio.sleep(seconds * scale)
    answered = [w.client.answered - b for w, b in zip(workers, before, strict=True)]
    limits = [worker.limit.limit for worker in workers]
    for worker in workers:
        await worker.stop()
    total = max(1, sum(answered))
    return Shared(
        shares=[each / total for each in answered],
        answers_per_second=total / seconds / scale,
        limits=limits,
        refused=server.counts.refused,
    )


def shares(
    mode: str,
    case: str,
    *,
    workers: int = 2,
    seconds: float = 120.0,
    settle: float = SETTLE_SECONDS,
) -> dict[str, object]:
    """Measure the share of each worker in the answers of one server."""
    scale = SCALE.get(mode, 1.0)
    found = run(_shares(MODES[mode], case, workers, seconds, settle, scale))
    least = min(found.shares) * workers
    return {
        "name": f"model-sharing-{mode}-{case}",
        "ratio": round(least, 2),
        "goal": GOAL,
        "met": least >= GOAL,
        "shares": [round(share, 3) for share in found.shares],
        "answers_per_second": round(found.answers_per_second, 2),
        "limits": found.limits,
        "refused": found.refused,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=list(MODES))
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    for mode in arguments.modes:
        for case in arguments.cases:
            line = shares(mode, case, workers=arguments.workers, seconds=arguments.seconds)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
