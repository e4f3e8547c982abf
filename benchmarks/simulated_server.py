"""Simulated model servers that batch as TGI, vLLM and llama.cpp do, on the running loop's clock.

The engine works in steps. At the beginning of a step waiting requests join the batch while there is room; a
step takes `step_base` seconds, `step_per_request` for each request in the batch, and the time of the prompt
tokens that are not in the prefix cache. A request that arrives during a step waits for its end, also where
the batch has room. Servers differ in when a prefix can be shared (`Learns`), in room and in their reports.

What was recorded of the real servers, and what each mode is held to, is in
`tests/unit/benchmarks/test_simulated_server.py`.
"""

import asyncio
import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

CHARACTERS_PER_TOKEN = 4
PREAMBLE_TOKENS = 64  # of the prompt set's instruction, the same in all reports


class Learns(StrEnum):
    """When a prompt's prefix can be shared with others."""

    AT_END = "at-end"  # TGI: when the request has ended
    AT_ONCE = "at-once"  # vLLM: while it is computed
    PER_SLOT = "per-slot"  # llama.cpp: the last prompt of each slot


@dataclass(frozen=True)
class Mode:
    """How a server behaves. Times in seconds, prefill in tokens a second."""

    name: str
    learns: Learns
    batch: int
    queue: int
    step_base: float
    step_per_request: float
    prefill: float
    block: int
    reports_queue: bool
    reports_step: bool
    prefixes: int = 64

    def slower(self, factor: float) -> "Mode":
        """Return the same server on a slower machine."""
        return Mode(
            **{
                **self.__dict__,
                "step_base": self.step_base * factor,
                "step_per_request": self.step_per_request * factor,
                "prefill": self.prefill / factor,
            }
        )


TGI = Mode(
    "tgi", Learns.AT_END, batch=128, queue=0, step_base=0.0140, step_per_request=0.0016,
    prefill=26000.0, block=192, reports_queue=True, reports_step=True,
)  # fmt: skip
VLLM = Mode(
    "vllm", Learns.AT_ONCE, batch=256, queue=10_000, step_base=0.0130, step_per_request=0.0015,
    prefill=26000.0, block=16, reports_queue=False, reports_step=False,
)  # fmt: skip
LLAMA_CPP = Mode(
    "llama.cpp", Learns.PER_SLOT, batch=4, queue=10_000, step_base=0.0050, step_per_request=0.0025,
    prefill=4000.0, block=1, reports_queue=False, reports_step=True,
)  # fmt: skip
# a model server without a GPU: compute, not the step, is what takes the time
SLOW_CPU = Mode(
    "slow-cpu", Learns.AT_ONCE, batch=256, queue=10_000, step_base=0.0400, step_per_request=0.0700,
    prefill=700.0, block=16, reports_queue=False, reports_step=False,
)  # fmt: skip
MODES = {mode.name: mode for mode in (TGI, VLLM, LLAMA_CPP, SLOW_CPU)}


class Overloaded(Exception):
    """As 429."""


@dataclass
class Served:
    """What came of a request. Seconds; `computed` are prompt tokens that were not in the cache."""

    prompt_tokens: int
    computed: int
    generated: int
    queue_seconds: float
    total_seconds: float


@dataclass
class _Request:
    key: str
    preamble: str
    prompt_tokens: int
    prefix_tokens: int
    left: int
    arrived: float
    done: asyncio.Future[None]
    began: float = 0.0
    computed: int = 0
    slot: int = -1


@dataclass
class Counts:
    """Since the last reset."""

    answered: int = 0
    refused: int = 0
    tokens_asked: int = 0
    tokens_computed: int = 0
    queue_seconds: float = 0.0
    total_seconds: float = 0.0


@dataclass
class SimulatedServer:
    """One server of a mode; belongs to one event loop."""

    mode: Mode
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._waiting: deque[_Request] = deque()
        self._running: list[_Request] = []
        self._cache: OrderedDict[str, int] = OrderedDict()
        self._slots = [""] * self.mode.batch if self.mode.learns is Learns.PER_SLOT else []
        self._engine: asyncio.Task[None] | None = None
        self._numbers = count()

    async def generate(self, prompt: str) -> Served:
        """Generate 3 to 10 tokens.

        Raises:
            Overloaded: there is no room.
        """
        if len(self._waiting) + len(self._running) >= self.mode.batch + self.mode.queue:
            self.counts.refused += 1
            raise Overloaded
        loop = asyncio.get_running_loop()
        prefix, found, tail = prompt.rpartition(" What is the ")
        tokens = len(prompt) // CHARACTERS_PER_TOKEN
        request = _Request(
            key=prefix if found else prompt,
            preamble=prompt[:200],
            prompt_tokens=tokens,
            prefix_tokens=tokens - len(tail) // CHARACTERS_PER_TOKEN,
            left=3 + hashlib.sha256(prompt.encode()).digest()[0] % 8,
            arrived=loop.time(),
            done=loop.create_future(),
        )
        generated = request.left
        self._waiting.append(request)
        if self._engine is None or self._engine.done():
            self._engine = asyncio.create_task(self._work())
        await request.done
        served = Served(
            tokens, request.computed, generated,
            request.began - request.arrived, loop.time() - request.arrived,
        )  # fmt: skip
        self._count(served)
        return served

    def _count(self, served: Served) -> None:
        self.counts.answered += 1
        self.counts.tokens_asked += served.prompt_tokens
        self.counts.tokens_computed += served.computed
        self.counts.queue_seconds += served.queue_seconds
        self.counts.total_seconds += served.total_seconds

    async def _work(self) -> None:
        mode, loop = self.mode, asyncio.get_running_loop()
        while self._waiting or self._running:
            joined = self._join(loop.time())
            computed = sum(request.computed for request in joined)
            seconds = mode.step_base + mode.step_per_request * len(self._running)
            await asyncio.sleep(seconds + computed / mode.prefill)
            for request in self._running:
                request.left -= 1
            ended = [request for request in self._running if not request.left]
            self._running = [request for request in self._running if request.left]
            for request in ended:
                if mode.learns is Learns.AT_END:
                    self._learn(request)
                if not request.done.done():
                    request.done.set_result(None)
            await asyncio.sleep(
                0
            )  # what follows an answer is sent before the next step or during it

    def _join(self, now: float) -> list[_Request]:
        joined = []
        while self._waiting and len(self._running) < self.mode.batch:
            request = self._waiting.popleft()
            request.began = now
            request.computed = request.prompt_tokens - self._shared(request)
            if self.mode.learns is Learns.AT_ONCE:
                self._learn(request)
            self._running.append(request)
            joined.append(request)
        return joined

    def _shared(self, request: _Request) -> int:
        """Return the prompt tokens that need not be computed, in whole blocks."""
        if self.mode.learns is Learns.PER_SLOT:
            taken = {running.slot for running in self._running}
            free = [at for at in range(self.mode.batch) if at not in taken]
            request.slot = next((at for at in free if self._slots[at] == request.key), free[0])
            hit = self._slots[request.slot] == request.key
            self._slots[request.slot] = request.key
        else:
            hit = request.key in self._cache
        shared = request.prefix_tokens if hit else 0
        if not hit and self.mode.learns is not Learns.PER_SLOT and request.preamble in self._cache:
            shared = PREAMBLE_TOKENS
        return shared // self.mode.block * self.mode.block

    def _learn(self, request: _Request) -> None:
        for key in (request.key, request.preamble):
            self._cache[key] = next(self._numbers)
            self._cache.move_to_end(key)
        while len(self._cache) > self.mode.prefixes:
            self._cache.popitem(last=False)
