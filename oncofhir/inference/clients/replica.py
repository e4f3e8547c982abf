"""One model server of several: its concurrency limit, retries of 429, and its availability."""

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from oncofhir.inference.clients.client import Completion, CompletionRequest, ModelClient
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.http import AnswerTimeout
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

log = structlog.get_logger(__name__)

OVERLOAD_PATIENCE_SECONDS = 30.0
MOST_QUESTIONS = 3  # of one prompt that gets no answer, before its report is tried again as a whole
FAILURES_IN_A_ROW = 4  # of generation; a server that cannot be reached is down at once
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 1.0
FIRST_OVERLOAD_WAIT_SECONDS, LONGEST_OVERLOAD_WAIT_SECONDS = 0.05, 2.0


class Replica:
    """A model server at one address; belongs to one event loop.

    Args:
        client: the adapter for its API.
        limit: how many requests are sent at a time.
        declare: applies the name and digest that the site has set.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: ModelClient,
        limit: AdaptiveLimit,
        *,
        declare: Callable[[ModelIdentity], ModelIdentity] = lambda identity: identity,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._declare = declare
        self.client = client
        self.limit = limit
        self.identity: ModelIdentity | None = None
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._down_until: float | None = None

    @property
    def up(self) -> bool:
        """Whether requests are sent to it."""
        return self._down_until is None

    async def check_available(self) -> bool:
        """Return whether it is up. A server that is down is asked for its health, once per pause."""
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
        """Return the model that it serves. Asked again after it was down: it may serve another one.

        Raises:
            DependencyUnavailable, AccessDenied: as `ModelClient`.
            UnsuitableServer: the server speaks another API, or contradicts the site's digest.
        """
        if self.identity is None:
            try:
                self.identity = self._declare(await self.client.identify())
            except DependencyUnavailable as error:
                self._failed(error)
                raise
        return self.identity

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt. Waits for its turn, and repeats a request that was answered 429.

        A question that got no answer is asked again, alone: the report's other answers stay.

        Raises:
            DependencyUnavailable, RequestRejected, AccessDenied, UnsuitableServer: as `ModelClient`.
        """
        patience_ends = self._clock() + OVERLOAD_PATIENCE_SECONDS
        wait, asked = FIRST_OVERLOAD_WAIT_SECONDS, 0
        while True:
            try:
                return await self._complete_once(request)
            except DependencyUnavailable as error:
                if error.reason is Reason.MODEL_NO_ANSWER and asked + 1 < MOST_QUESTIONS:
                    asked += 1
                elif error.reason is not Reason.MODEL_OVERLOADED or self._clock() >= patience_ends:
                    raise
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads the clients
            wait = min(wait * 2, LONGEST_OVERLOAD_WAIT_SECONDS)

    async def _complete_once(self, request: CompletionRequest) -> Completion:
        async with self.limit.permit(first=request.follows) as permit:
            try:
                completion = await self.client.complete(request)
            except DependencyUnavailable as error:
                if isinstance(error, AnswerTimeout):
                    self.limit.timed_out(permit)
                if error.reason is Reason.MODEL_OVERLOADED:
                    self.limit.refused(permit)
                elif error.reason is not Reason.MODEL_NO_ANSWER:  # that is the report's, mostly
                    self._failed(error)
                raise
            self.limit.answered(permit, completion)
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
