"""CPU per question of the model client, beside bare HTTP clients in the same run.

    python -m benchmarks.model_client [--questions 2000] [--rounds 5]

The server is a process of its own that answers at once (`benchmarks.canned_model`). Eight questions are in
flight, with prompts of 2,700 characters. The CPU is this process's own, the median of the rounds.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import httpx2

from benchmarks.reports import report
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.prompting.prompts import load_prompt_set

GOAL = 0.6
IN_FLIGHT = 8
WORDS = 330
Ask = Callable[[], Awaitable[object]]


async def cpu(ask: Ask, questions: int) -> float:
    """Milliseconds of CPU per question."""

    async def one_after_another() -> None:
        for _ in range(questions // IN_FLIGHT):
            await ask()

    await asyncio.gather(*(ask() for _ in range(IN_FLIGHT)))
    began = time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
    return 1000 * (time.process_time() - began) / (questions // IN_FLIGHT * IN_FLIGHT)


async def measured(url: str, questions: int, rounds: int) -> dict[str, float]:
    """The medians, clients in turn."""
    prompts = load_prompt_set("cancerllm")
    prompt = prompts.prompt("histological type", report(1, WORDS).text)
    request = CompletionRequest(prompt=prompt, max_new_tokens=50, stop=("###", "\n"), affinity="a")
    body = {"inputs": prompt, "parameters": {"max_new_tokens": 50, "details": True}}

    def connect(address: str) -> Replica:
        return Replica(TgiClient(ModelHttp(address)), AdaptiveLimit(IN_FLIGHT))

    ours = Replicas(partial(static_addresses, [url]), connect)
    await ours.identify()
    async with aiohttp.ClientSession() as session, httpx2.AsyncClient(trust_env=False) as client:

        async def bare_aiohttp() -> None:
            async with session.post(f"{url}/generate", json=body) as response:
                json.loads(await response.read())

        async def bare_httpx2() -> None:
            (await client.post(f"{url}/generate", json=body)).json()

        asks: dict[str, Ask] = {
            "model_client": partial(ours.complete, request),
            "bare_aiohttp": bare_aiohttp,
            "bare_httpx2": bare_httpx2,
        }
        found: dict[str, list[float]] = {name: [] for name in asks}
        for _ in range(rounds):
            for name, ask in asks.items():
                found[name].append(await cpu(ask, questions))
    await ours.aclose()
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.canned_model", str(port)]
    with Process("canned-model", command, ready=lambda: responds(f"{url}/info")):
        found = asyncio.run(measured(url, arguments.questions, arguments.rounds))
    line = {
        "name": "model-client-cpu",
        "milliseconds": found,
        "ratio": round(found["model_client"] / found["bare_httpx2"], 2),
        "goal_milliseconds": GOAL,
        "met": found["model_client"] <= GOAL,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
