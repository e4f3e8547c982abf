"""A simulated batching model server with TGI's API, a process of its own whose log gives the figures.

    python -m benchmarks.simulated_model --port P [--batch 16] [--queue 16] [--prefill 4000] [--step 0.05]

The model: a request is one of `batch` worked on at a time, else it queues, and with `queue` waiting it is
answered 429. It takes (prompt tokens beyond the longest prefix that an earlier, finished request shares) /
`prefill` seconds, and `step` seconds for each token of its answer, of which there are 2 to 9. A token of a
prompt is four characters. `GET /_simulated` gives, since the last `POST /_simulated`: requests answered and
refused, tokens asked and evaluated, and `used`, the share of the batch's places that were at work.
"""

import argparse
import asyncio
import hashlib
import math
import socket
from collections import deque
from time import monotonic
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.inference.server.app import create_app
from oncofhir.inference.server.protocol import (
    Generation,
    Info,
    InputToken,
    Parameters,
    Token,
    overloaded_error,
)

CHARACTERS = 4  # a token
REMEMBERED = 64  # prefixes in the cache, of 200 MB each with 1,500 tokens of a 7B model
ALIKE = 0.8  # of a prompt: one prefix


class SimulatedEngine:
    """See the module."""

    def __init__(self, batch: int, queue: int, prefill: float, step: float) -> None:
        self._batch, self._most = batch, batch + queue
        self._prefill, self._step = prefill, step
        self._places = asyncio.Semaphore(batch)
        self._held = 0
        self._finished: deque[str] = deque(maxlen=REMEMBERED)
        self._running: dict[int, float] = {}
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self._since = monotonic()
        self._busy = 0.0
        self.answered = self.refused = self.asked = self.evaluated = 0
        self._running = dict.fromkeys(self._running, self._since)

    @property
    def figures(self) -> dict[str, Any]:
        now = monotonic()
        busy = self._busy + sum(now - began for began in self._running.values())
        return {
            "seconds": now - self._since,
            "used": busy / (self._batch * max(now - self._since, 1e-9)),
            "answered": self.answered,
            "refused": self.refused,
            "tokens_asked": self.asked,
            "tokens_evaluated": self.evaluated,
        }

    @property
    def info(self) -> Info:
        return Info(
            model_id="simulated",
            model_sha="0" * 40,
            max_concurrent_requests=self._most + 1,  # the refusal is ours, so that it is counted
            max_input_tokens=3999,
            max_total_tokens=4100,
            version="3.3.7",
        )

    async def tokenize(self, text: str) -> list[InputToken]:
        pieces = [text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS)]
        return [InputToken(id=0, text=p, size=len(p.encode())) for p in pieces]

    async def generate(self, prompt: str, _: Parameters) -> Generation:
        if self._held >= self._most:
            self.refused += 1
            raise overloaded_error()
        arrived = monotonic()
        self._held += 1
        try:
            async with self._places:
                return await self._served(prompt, arrived)
        finally:
            self._held -= 1

    async def _served(self, prompt: str, arrived: float) -> Generation:
        began = monotonic()
        key = max(self._running, default=0) + 1
        self._running[key] = began
        shared = max((_shared(prompt, other) for other in self._finished), default=0)
        tokens, cached = len(prompt) // CHARACTERS, shared // CHARACTERS
        generated = 2 + hashlib.sha256(prompt.encode()).digest()[0] % 8
        try:
            await asyncio.sleep((tokens - cached) / self._prefill + generated * self._step)
        finally:
            self._busy += monotonic() - self._running.pop(key)
        # as in a radix tree, prompts with a beginning in common take its room once
        alike = [p for p in self._finished if _shared(prompt, p) > ALIKE * len(prompt)]
        for other in alike:
            self._finished.remove(other)
        self._finished.append(prompt)
        self.answered += 1
        self.asked += tokens
        self.evaluated += tokens - cached
        words = [Token(id=1, text=" not", logprob=math.log(0.9))] * generated
        return Generation(
            text="not mentioned",
            finish_reason="eos_token",
            tokens=words,
            prompt_tokens=tokens,
            cached_tokens=cached,
            queue_seconds=began - arrived,
            inference_seconds=monotonic() - began,
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def _shared(one: str, other: str) -> int:
    """How many characters two prompts begin with alike, by bisection."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--queue", type=int, default=16)
    parser.add_argument("--prefill", type=float, default=4000.0, help="tokens a second")
    parser.add_argument("--step", type=float, default=0.05, help="seconds a generated token")
    arguments = parser.parse_args()
    engine = SimulatedEngine(arguments.batch, arguments.queue, arguments.prefill, arguments.step)

    async def figures(request: Request) -> Response:
        told = engine.figures
        if request.method == "POST":
            engine.reset()
        return JSONResponse(told)

    app = create_app(engine, more=[Route("/_simulated", figures, methods=["GET", "POST"])])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.port))
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
