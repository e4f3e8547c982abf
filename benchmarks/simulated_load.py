"""The service's own model client under load, against simulated servers in virtual time."""

import asyncio
import itertools
from dataclasses import dataclass
from functools import partial

from benchmarks.reports import report
from benchmarks.simulated_server import Counts, Learns, Mode, Overloaded, SimulatedServer
from benchmarks.virtual_time import run
from oncofhir.inference.clients.client import Completion, CompletionRequest, GeneratedToken
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

BOUND = 32
WORDS = 330  # prompts of 660 tokens, as in the recorded run
REPORTS_PER_REPLICA = 32
_TEXTS = 40


class SimulatedClient:
    """A `ModelClient` for a simulated server. It reports what the real server reports."""

    def __init__(self, server: SimulatedServer) -> None:
        self._server = server

    async def identify(self, affinity: str | None = None) -> ModelIdentity:  # noqa: ARG002
        kind = "vllm" if self._server.mode.learns is Learns.AT_ONCE else "simulated"
        return ModelIdentity(name="simulated", digest="0" * 40, server=kind, max_total_tokens=4096)

    async def complete(self, request: CompletionRequest) -> Completion:
        mode = self._server.mode
        try:
            served = await self._server.generate(request.prompt)
        except Overloaded as error:
            raise DependencyUnavailable(Reason.MODEL_OVERLOADED, mode.name) from error
        step = (served.total_seconds - served.queue_seconds) / served.generated
        return Completion(
            text="not mentioned",
            finish_reason="stop",
            tokens=(GeneratedToken("not mentioned", -0.1),),
            queue_seconds=served.queue_seconds if mode.reports_queue else None,
            step_seconds=step if mode.reports_step else None,
        )

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        return None if text else ()

    async def healthy(self) -> bool:
        return True

    async def aclose(self) -> None:
        """Nothing is held."""


class FixedLimit(AdaptiveLimit):
    """A limit that stays."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._fixed = limit

    @property
    def limit(self) -> int:
        return self._fixed


@dataclass(frozen=True)
class Measured:
    """Per second over all replicas; `computed` and `asked` are prompt tokens per report."""

    reports: float
    computed: float
    asked: float
    queue_share: float
    refused: int
    limits: tuple[int, ...]


def measure(
    mode: Mode,
    replicas: int = 1,
    limit: int | None = None,
    *,
    warm_up: float,
    seconds: float,
    leader_first: bool | None = None,
    reports: int = REPORTS_PER_REPLICA,
) -> Measured:
    """Measure a fixed limit, or the adaptive one, for so many virtual seconds after the first ones."""
    return run(_measure(mode, replicas, limit, warm_up, seconds, leader_first, reports))


async def _measure(
    mode: Mode,
    replicas: int,
    limit: int | None,
    warm_up: float,
    seconds: float,
    leader_first: bool | None,
    reports: int,
) -> Measured:
    clock = asyncio.get_running_loop().time
    servers = {f"replica-{n}": SimulatedServer(mode) for n in range(replicas)}
    limits: list[AdaptiveLimit] = []

    def connect(address: str) -> Replica:
        limits.append(AdaptiveLimit(BOUND, clock=clock) if limit is None else FixedLimit(limit))
        return Replica(SimulatedClient(servers[address]), limits[-1], clock=clock)

    client = Replicas(partial(static_addresses, servers), connect, clock=clock)
    model = PromptedModel(client, load_prompt_set("cancerllm"), leader_first=leader_first)
    await model.identify()
    numbers = itertools.count()
    texts = [report(seed, WORDS) for seed in range(_TEXTS)]

    async def one_after_another() -> None:
        while True:
            number = next(numbers)
            text = texts[number % _TEXTS]
            fresh = {"text": f"{number} {text.text}", "text_sha256": str(number)}
            await model.answer(text.model_copy(update=fresh))

    tasks = [asyncio.create_task(one_after_another()) for _ in range(reports * replicas)]
    await asyncio.sleep(warm_up)
    for server in servers.values():
        server.counts = Counts()
    await asyncio.sleep(seconds)
    counts = [server.counts for server in servers.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    questions = 9
    answered = max(1, sum(c.answered for c in counts))
    return Measured(
        reports=answered / questions / seconds,
        computed=questions * sum(c.tokens_computed for c in counts) / answered,
        asked=questions * sum(c.tokens_asked for c in counts) / answered,
        queue_share=sum(c.queue_seconds for c in counts) / sum(c.total_seconds for c in counts),
        refused=sum(c.refused for c in counts),
        limits=tuple(limit.limit for limit in limits),
    )
