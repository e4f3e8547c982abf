"""Routes requests across model servers.

All questions of a report go to one replica, for replicas share no prefix cache. The replica is found by
rendezvous hashing (Thaler and Ravishankar, 1998, IEEE/ACM Transactions on Networking 6), so that a report
goes to the same replica again and a replica that joins or leaves moves only its share. A replica above
the mean load is skipped (Mirrokni, Thorup, Zadimoghaddam, 2018, "Consistent Hashing with Bounded Loads"),
and so is one that is unavailable or serves another model.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import structlog

from oncofhir.inference.clients.client import Completion, CompletionRequest
from oncofhir.inference.clients.replica import Replica
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

log = structlog.get_logger(__name__)

LOAD_FACTOR = 1.25  # times the mean load; a replica above it gets no new report
MAX_AFFINITIES = 4096  # reports whose replica is remembered
DISCOVERY_SECONDS = 10.0


async def static_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses that do not change, in the form of a discovery."""
    return tuple(addresses)


@dataclass(frozen=True)
class QueueStats:
    """Requests of all replicas: in flight, waiting for the limit, and the limit."""

    sent: int
    waiting: int
    limit: int


class Replicas:
    """A `ModelClient` over all replicas; belongs to one event loop.

    Args:
        discover: returns the current addresses; called every `DISCOVERY_SECONDS`.
        connect: returns a replica at an address.
        require_digest: refuse a model whose weights are not identified.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        discover: Callable[[], Awaitable[tuple[str, ...]]],
        connect: Callable[[str], Replica],
        *,
        require_digest: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._require_digest = require_digest
        self._warned: set[str] = set()
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
        """The current numbers of requests."""
        limits = [replica.limit for replica in (*self._replicas.values(), *self._draining)]
        sent = sum(limit.in_flight for limit in limits)
        return QueueStats(
            sent, sum(limit.load for limit in limits) - sent, sum(limit.limit for limit in limits)
        )

    async def identify(self, affinity: str | None = None) -> ModelIdentity:
        """Return the model of the first replica that answers; requests go to replicas that serve it.

        With an affinity: ask the replica that answered its requests, and change nothing.

        Raises:
            DependencyUnavailable: no replica answers.
            AccessDenied: every replica refuses the credentials.
            UnsuitableServer: the API is another one, or the weights are not identified but must be.
        """
        known = await self._refresh_replicas()
        if affinity is not None and (placed := self._affinities.get(affinity)) in known:
            known[placed].identity = None
            return await known[placed].identify()
        for replica in known.values():
            replica.identity = None
        first = await self._first_available(sorted(known.items()))
        identity = await first.identify()
        self._check_digest(identity)
        self._identity = identity
        return identity

    def _check_digest(self, identity: ModelIdentity) -> None:
        if identity.has_digest or identity.digest in self._warned:
            return
        if self._require_digest:
            raise UnsuitableServer(
                Reason.MODEL_UNSUITABLE,
                _addresses(self._replicas),
                "the server does not identify its weights, so that findings could not be recalled by "
                "model: set ONCOFHIR_MODEL__DIGEST (from `oncofhir model digest FOLDER`), or "
                "ONCOFHIR_MODEL__ALLOW_UNDETERMINED_DIGEST=true",
            )
        self._warned.add(identity.digest)
        log.warning(
            "model server does not identify its weights: findings can be recalled by the model's name only",
            model=identity.name,
            digest=identity.digest,
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt at the replica of its affinity, or at another if that one is unavailable."""
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
        """Ask the first replica that answers."""
        replica = await self._first_available(sorted((await self._refresh_replicas()).items()))
        return await replica.client.token_ends(text)

    async def healthy(self) -> bool:
        """Return whether any replica answers its health check."""
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
        """Return whether the replica is available and serves the model of the run."""
        if not await replica.check_available():
            return False
        if self._identity is None:
            return True
        try:
            identity = await replica.identify()
        except OncofhirError as error:
            self._warn_once("model replica cannot be used", error.location, error.detail)
            return False
        if (identity.name, identity.digest) == (self._identity.name, self._identity.digest):
            return True
        self._warn_once("model replica serves another model; it gets no requests", identity.digest)
        return False

    def _warn_once(self, event: str, *about: str | None) -> None:
        key = " ".join([event, *filter(None, about)])
        if key not in self._warned:
            self._warned.add(key)
            log.warning(event, detail=" ".join(filter(None, about)))

    @staticmethod
    async def _first_available(known: Iterable[tuple[str, Replica]]) -> Replica:
        asked = []
        permanent: OncofhirError | None = None
        for address, replica in known:
            asked.append(address)
            if await replica.check_available():
                try:
                    await replica.identify()
                except DependencyUnavailable:
                    continue
                except (AccessDenied, UnsuitableServer) as error:  # the others may be right
                    permanent = permanent or error
                    continue
                return replica
        if permanent is not None:
            raise permanent
        raise DependencyUnavailable(
            Reason.MODEL_UNREACHABLE, _addresses(asked), _unavailable_message(len(asked))
        )


def _addresses(urls: Iterable[str]) -> str:
    """Return the URLs without user and password."""
    parts = (urlsplit(url) for url in urls)
    return " ".join(urlunsplit(p._replace(netloc=p.netloc.rpartition("@")[2])) for p in parts)


def _unavailable_message(count: int) -> str:
    return "no answer" if count == 1 else f"none of {count} replicas answers"


def _weight(affinity: str, address: str) -> bytes:
    return hashlib.sha256(f"{address}\n{affinity}".encode()).digest()
