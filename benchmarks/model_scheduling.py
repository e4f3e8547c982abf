"""How full the worker keeps its model servers, and what its own work costs, on simulated servers.

    python -m benchmarks.model_scheduling [--seconds 12] [--replicas 1 2 4 8]

The servers are processes of their own (`benchmarks.simulated_model`, where the model of latency and capacity
is stated) and their logs give the figures. Capacity is all places of all batches at work all the time.
"""

import argparse
import asyncio
import itertools
import json
import signal
import sys
import time
from functools import partial
from typing import Self

import httpx2

from benchmarks.reports import report
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set

WARM_UP_SECONDS = 8.0
BATCH, QUEUE = 16, 16
REPORTS_IN_FLIGHT = 64  # the worker's default, for each two replicas
WORDS = 600


class Simulated(Process):
    """One simulated server."""

    def __init__(self, *options: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        module = "benchmarks.simulated_model"
        command = [sys.executable, "-m", module, "--port", str(port), *options]
        super().__init__("simulated", command, ready=lambda: responds(f"{self.url}/health"))

    def figures(self, *, reset: bool = False) -> dict[str, float]:
        """What it counted; with `reset` it counts anew from now on."""
        method = "POST" if reset else "GET"
        found = httpx2.request(method, f"{self.url}/_simulated", trust_env=False, timeout=30)
        return dict(found.json())


def replicas(urls: list[str], *, most: int = 64) -> Replicas:
    """The client that the worker has."""

    def connect(url: str) -> Replica:
        return Replica(TgiClient(ModelHttp(url, connections=most)), AdaptiveLimit(most))

    return Replicas(partial(static_addresses, urls), connect)


class Load:
    """Reports asked about, so many at a time, for as long as the context lasts."""

    def __init__(self, urls: list[str], in_flight: int) -> None:
        self._model = PromptedModel(replicas(urls), load_prompt_set("cancerllm"))
        self._in_flight = in_flight
        self._texts = [report(seed, WORDS) for seed in range(400)]
        self._numbers = itertools.count()
        self.reports = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._model.identify()
        self._tasks = [
            asyncio.create_task(self._one_after_another()) for _ in range(self._in_flight)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._model.aclose()

    async def _one_after_another(self) -> None:
        while True:
            number = next(self._numbers)
            text = self._texts[number % len(self._texts)]
            # another report each time round: its first words, and with them its prefix, are others
            fresh = text.model_copy(
                update={"text": f"{number} {text.text}", "text_sha256": str(number)}
            )
            await self._model.answer(fresh)
            self.reports += 1


def started(count: int, *options: str) -> list[Simulated]:
    """Simulated servers that run."""
    servers = [
        Simulated("--batch", str(BATCH), "--queue", str(QUEUE), *options) for _ in range(count)
    ]
    for server in servers:
        server.start()
    return servers


def rates(count: int) -> tuple[str, ...]:
    """Slower servers the more there are, so that this machine is not what limits them."""
    return ("--prefill", str(4000 / count), "--step", str(0.025 * count))


async def filled(count: int, seconds: float) -> dict[str, object]:
    """How much of the capacity of so many replicas is used."""
    servers = started(count, *rates(count))
    try:
        async with Load([s.url for s in servers], REPORTS_IN_FLIGHT * max(1, count // 2)):
            await asyncio.sleep(WARM_UP_SECONDS + count)
            for server in servers:
                await asyncio.to_thread(server.figures, reset=True)
            await asyncio.sleep(seconds)
            told = [await asyncio.to_thread(server.figures) for server in servers]
    finally:
        for server in servers:
            server.stop()
    answered, refused = (int(sum(t[key] for t in told)) for key in ("answered", "refused"))
    return {
        "name": f"model-capacity-{count}-replicas",
        "ratio": round(sum(t["used"] for t in told) / count, 3),
        "goal": 0.95,
        "refused_share": round(refused / max(1, answered + refused), 4),
        "refused_goal": 0.01,
        "answered": answered,
        "tokens_evaluated_share": round(
            sum(t["tokens_evaluated"] for t in told) / sum(t["tokens_asked"] for t in told), 3
        ),
    }


async def recovered() -> dict[str, object]:
    """Seconds from a replica's return until it is as full as before."""
    servers = started(2, *rates(2))
    try:
        async with Load([s.url for s in servers], REPORTS_IN_FLIGHT):
            await asyncio.sleep(WARM_UP_SECONDS)
            lost = servers[0]
            await asyncio.to_thread(lost.stop)
            await asyncio.sleep(3)
            await asyncio.to_thread(lost.start)
            back = time.monotonic()
            used = 0.0
            while used < 0.9 and time.monotonic() - back < 30:
                await asyncio.to_thread(lost.figures, reset=True)
                await asyncio.sleep(1)
                used = (await asyncio.to_thread(lost.figures))["used"]
            seconds = time.monotonic() - back
    finally:
        for server in servers:
            server.stop()
    return {"name": "model-replica-recovery", "seconds": round(seconds, 1), "goal": 5.0}


async def cpu() -> dict[str, object]:
    """CPU of extraction a report, against the CPU of its HTTP calls alone."""
    count, texts = 40, [report(seed, WORDS) for seed in range(40)]
    servers = started(1, "--prefill", "1000000000", "--step", "0")
    url = servers[0].url
    prompts = load_prompt_set("cancerllm")
    try:
        extractor = Extractor(PromptedModel(replicas([url]), prompts))
        model = await extractor.identify()
        http = ModelHttp(url)
        for warming in (True, False):
            began = time.process_time()
            for text in texts[: count // (8 if warming else 1)]:
                await extractor.extract(text, model)
            whole = time.process_time() - began
            began = time.process_time()
            for text in texts[: count // (8 if warming else 1)]:
                body = {"inputs": text.text, "parameters": {"max_new_tokens": 50, "details": True}}
                await http.post("/generate", body)
                await asyncio.gather(*(http.post("/generate", body) for _ in range(8)))
            bare = time.process_time() - began
        await extractor.aclose()
        await http.aclose()
    finally:
        servers[0].stop()
    return {
        "name": "model-cpu-a-report",
        "ratio": round(whole / bare, 2),
        "goal": 2.0,
        "milliseconds": round(1000 * whole / count, 1),
        "http_alone_milliseconds": round(1000 * bare / count, 1),
    }


def main() -> None:
    """Command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--replicas", type=int, nargs="*", default=[1, 2, 4, 8])
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(cpu())), flush=True)
    for count in arguments.replicas:
        print(json.dumps(asyncio.run(filled(count, arguments.seconds))), flush=True)
    print(json.dumps(asyncio.run(recovered())), flush=True)


if __name__ == "__main__":
    main()
