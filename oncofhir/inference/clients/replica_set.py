"""Several model servers as one: a report's questions stay together, a lost replica is gone around.

Replicas share no prefix cache (spec tgi-and-kafka, A4). A report is placed by rendezvous hashing (Thaler
and Ravishankar, 1998, IEEE/ACM Transactions on Networking 6), so that the same report comes to the same
replica again and a replica that joins or leaves moves its share alone; one that bears more than its part of
the load is passed over (Mirrokni, Thorup, Zadimoghaddam, 2018, "Consistent Hashing with Bounded Loads").
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from oncofhir.inference.clients.client import Completion, CompletionRequest
from oncofhir.inference.clients.replica import Replica
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

LOAD_FACTOR = 1.25  # times the mean load: a replica that bears more takes no new report
MAX_AFFINITIES = 4096  # reports whose replica is known
DISCOVERY_SECONDS = 10.0


async def static_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses that do not change, in the form of a discovery."""
    return tuple(addresses)


@dataclass(frozen=True)
class QueueStats:
    """Requests at all replicas: under way, waiting here, and how many may be under way at a time."""

    sent: int
    waiting: int
    limit: int


class Replicas:
    """A `ModelClient` over all replicas; belongs to one event loop.

    Args:
        discover: the addresses there are now; asked again every `DISCOVERY_SECONDS`.
        connect: a replica at an address.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        discover: Callable[[], Awaitable[tuple[str, ...]]],
        connect: Callable[[str], Replica],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._discover = discover
        self._connect = connect
        self._clock = clock
        self._replicas: dict[str, Replica] = {}
        self._discovered_at: float | None = None
        self._affinities: OrderedDict[str, str] = OrderedDict()
        self._identity: ModelIdentity | None = None
        self._draining: list[Replica] = []

    @property
    def replicas(self) -> Mapping[str, Replica]:
        """The replicas by address, as last discovered."""
        return self._replicas

    @property
    def queue(self) -> QueueStats:
        """How the requests stand, now."""
        limits = [replica.limit for replica in (*self._replicas.values(), *self._draining)]
        sent = sum(limit.in_flight for limit in limits)
        return QueueStats(
            sent, sum(limit.load for limit in limits) - sent, sum(limit.limit for limit in limits)
        )

    async def identify(self) -> ModelIdentity:
        """What the replicas serve; the first that answers says it.

        Raises:
            DependencyUnavailable: none answers.
        """
        known = await self._refresh_replicas()
        for replica in known.values():
            replica.identity = None
        first = await self._first_available(sorted(known.items()))
        self._identity = await first.identify()
        return self._identity

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt at the replica of its affinity; at another when that one is lost."""
        tried: set[str] = set()
        while True:
            address, replica = await self._place(request.affinity, tried)
            try:
                return await replica.complete(request)
            except DependencyUnavailable:
                tried.add(address)
                if replica.up or tried.issuperset(self._replicas):
                    raise

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """As the first replica that answers tells it."""
        replica = await self._first_available(sorted((await self._refresh_replicas()).items()))
        return await replica.client.token_ends(text)

    async def healthy(self) -> bool:
        """Whether any replica answers its health check."""
        try:
            known = await self._refresh_replicas()
        except DependencyUnavailable:
            return False
        return any(await asyncio.gather(*(r.client.healthy() for r in known.values())))

    async def aclose(self) -> None:
        for replica in (*self._replicas.values(), *self._draining):
            await replica.client.aclose()

    async def _refresh_replicas(self) -> dict[str, Replica]:
        now = self._clock()
        if self._discovered_at is None or now - self._discovered_at > DISCOVERY_SECONDS:
            self._discovered_at = now
            try:
                await self._apply_discovery(await self._discover())
            except DependencyUnavailable:
                if not self._replicas:
                    self._discovered_at = None
                    raise
        return self._replicas

    async def _apply_discovery(self, addresses: tuple[str, ...]) -> None:
        gone = self._replicas.keys() - set(addresses)
        self._draining += [self._replicas.pop(address) for address in gone]
        idle = [replica for replica in self._draining if not replica.limit.load]
        self._draining = [replica for replica in self._draining if replica.limit.load]
        for replica in idle:
            await replica.client.aclose()
        for address in addresses:
            if address not in self._replicas:
                self._replicas[address] = self._connect(address)

    async def _place(self, affinity: str, tried: set[str]) -> tuple[str, Replica]:
        known = await self._refresh_replicas()
        placed = self._affinities.get(affinity)
        if placed in known and placed not in tried and known[placed].up:
            self._affinities.move_to_end(affinity)
            return placed, known[placed]
        order = sorted(known, key=lambda address: _weight(affinity, address), reverse=True)
        alive = [a for a in order if a not in tried and await self._serves(known[a])]
        if not alive:
            raise DependencyUnavailable(
                Reason.MODEL_UNREACHABLE, _addresses(known), _unavailable_message(len(known))
            )
        most = 1 + LOAD_FACTOR * sum(known[a].limit.load for a in alive) / len(alive)
        address = next((a for a in alive if known[a].limit.load <= most), alive[0])
        self._affinities[affinity] = address
        if len(self._affinities) > MAX_AFFINITIES:
            self._affinities.popitem(last=False)
        return address, known[address]

    async def _serves(self, replica: Replica) -> bool:
        """Whether it is up and serves the model that the run names, and no other."""
        if not await replica.check_available():
            return False
        if self._identity is None:
            return True
        try:
            identity = await replica.identify()
        except DependencyUnavailable:
            return False
        return (identity.name, identity.digest) == (self._identity.name, self._identity.digest)

    @staticmethod
    async def _first_available(known: Iterable[tuple[str, Replica]]) -> Replica:
        asked = []
        for address, replica in known:
            asked.append(address)
            if await replica.check_available():
                try:
                    await replica.identify()
                except DependencyUnavailable:
                    continue
                return replica
        raise DependencyUnavailable(
            Reason.MODEL_UNREACHABLE, _addresses(asked), _unavailable_message(len(asked))
        )


def _addresses(urls: Iterable[str]) -> str:
    """URLs without user and password."""
    parts = (urlsplit(url) for url in urls)
    return " ".join(urlunsplit(p._replace(netloc=p.netloc.rpartition("@")[2])) for p in parts)


def _unavailable_message(count: int) -> str:
    return "no answer" if count == 1 else f"none of {count} replicas answers"


def _weight(affinity: str, address: str) -> bytes:
    return hashlib.sha256(f"{address}\n{affinity}".encode()).digest()
