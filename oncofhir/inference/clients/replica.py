"""One model server of several: its limit, its patience with 429, and whether it is up."""

import time
from collections.abc import Callable

import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from oncofhir.inference.clients.client import Completion, CompletionRequest, ModelClient
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

log = structlog.get_logger(__name__)

OVERLOAD_PATIENCE_SECONDS = 30.0
FAILURES_IN_A_ROW = 4  # of generation; one that cannot be reached is down at once
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 1.0


class Replica:
    """A model server at one address; belongs to one event loop.

    Args:
        client: the adapter to it.
        limit: how much it is sent at a time.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: ModelClient,
        limit: AdaptiveLimit,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.limit = limit
        self.identity: ModelIdentity | None = None
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._down_until: float | None = None

    @property
    def up(self) -> bool:
        """Whether it is sent requests."""
        return self._down_until is None

    async def check_available(self) -> bool:
        """Whether it is up, or answers its health check again; asked at most once a pause."""
        if self._down_until is None:
            return True
        if self._clock() < self._down_until:
            return False
        self._mark_down()
        if not await self.client.healthy():
            return False
        self._mark_up()
        return True

    async def identify(self) -> ModelIdentity:
        """What it serves; asked anew after it was down, for it may have come back as another."""
        if self.identity is None:
            try:
                self.identity = await self.client.identify()
            except DependencyUnavailable as error:
                self._failed(error)
                raise
        return self.identity

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt; waits for its turn, and out a 429.

        Raises:
            DependencyUnavailable, RequestRejected, AccessDenied: as `ModelClient`.
        """
        tries = AsyncRetrying(
            retry=retry_if_exception(_overloaded),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            stop=stop_after_delay(OVERLOAD_PATIENCE_SECONDS),
            reraise=True,
        )
        return await tries(self._complete_once, request)

    async def _complete_once(self, request: CompletionRequest) -> Completion:
        async with self.limit.permit(first=request.follows) as permit:
            try:
                completion = await self.client.complete(request)
            except DependencyUnavailable as error:
                if _overloaded(error):
                    self.limit.refused(permit)
                else:
                    self._failed(error)
                raise
            self.limit.answered(permit, completion.queue_seconds)
        if self._down_until is None:
            self._failures = 0
        return completion

    def _failed(self, error: DependencyUnavailable) -> None:
        self._failures += 1
        if error.reason is Reason.MODEL_UNREACHABLE or self._failures >= FAILURES_IN_A_ROW:
            self.identity = None
            if self._down_until is None:
                log.warning("model replica down", reason=error.reason.value, address=error.location)
                self._mark_down()

    def _mark_down(self) -> None:
        self._down_until = self._clock() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _mark_up(self) -> None:
        log.info("model replica up again")
        self._failures, self._pause, self._down_until = 0, FIRST_PAUSE_SECONDS, None


def _overloaded(error: BaseException) -> bool:
    return isinstance(error, DependencyUnavailable) and error.reason is Reason.MODEL_OVERLOADED
