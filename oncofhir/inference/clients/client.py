"""The interface of a model server: what every adapter takes and returns."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import ModelIdentity


class CompletionRequest(Value):
    """One prompt. Decoding is greedy. The completion ends before the first of the `stop` strings.

    `json_schema` constrains the answer to JSON of that schema. Requests with the same `affinity` share a
    prefix and go to the same replica while it is available. A request that `follows` finds its prefix in
    the server's cache; it is sent before others, so that a report is finished before its prefix is evicted.
    """

    prompt: str
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None
    affinity: str = ""
    follows: bool = False


class GeneratedToken(NamedTuple):
    """A generated token: its text, and the natural logarithm of its probability."""

    text: str
    logprob: float


class Completion(Value):
    """An answer. `tokens` make up `text`; they are empty if the server returns no log-probabilities.

    The end token, stop strings and a model's reasoning are neither in `text` nor in `tokens`.
    `queue_seconds` is the time before the server began to work on the prompt, `step_seconds` the time for
    one generated token, both None if the server does not report them.
    """

    text: str
    finish_reason: str
    tokens: tuple[GeneratedToken, ...] = ()
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    queue_seconds: float | None = None
    step_seconds: float | None = None

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the token probabilities; None without log-probabilities."""
        return mean_probability(self.tokens)

    def confidence_of(self, start: int, end: int) -> float | None:
        """The geometric mean for the tokens of `text[start:end]`; for all tokens if they do not match."""
        within, at = [], 0
        for token in self.tokens:
            if at < end and at + len(token.text) > start:
                within.append(token)
            at += len(token.text)
        return mean_probability(within if at == len(self.text) else self.tokens)


def mean_probability(tokens: Sequence[GeneratedToken]) -> float | None:
    """Return the geometric mean of the tokens' probabilities, or None without tokens."""
    if not tokens:
        return None
    return min(1.0, math.exp(sum(token.logprob for token in tokens) / len(tokens)))


class ModelClient(Protocol):
    """A model server.

    Every call raises DependencyUnavailable (model-unreachable, model-overloaded, model-failed,
    model-no-answer), RequestRejected (model-rejected-prompt), AccessDenied (model-access-denied) or
    UnsuitableServer (model-unsuitable).
    """

    async def identify(self, affinity: str | None = None) -> ModelIdentity:
        """Return what the server reports about the model that it serves.

        `affinity`: of the server that answered the requests of that affinity, if there are several.
        """
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt, greedily."""
        ...

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Return the end of each token of the text, in characters; None if the server cannot count."""
        ...

    async def healthy(self) -> bool:
        """Ask the server whether it can answer. Raises nothing."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
