"""The seam to a model server: what every adapter takes and gives."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import ModelIdentity


class CompletionRequest(Value):
    """One prompt. Decoding is greedy; `stop` strings are not part of the completion's text.

    `json_schema` binds the answer to JSON of that schema. Requests of the same `affinity` share a prefix
    and go to the same replica while it answers; one that `follows` finds the prefix in the server's cache,
    and goes before those that do not, so that a report is finished before the cache has to forget it.
    """

    prompt: str
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None
    affinity: str = ""
    follows: bool = False


class GeneratedToken(Value):
    """A generated token: its text, and the natural logarithm of its probability."""

    text: str
    logprob: float


class Completion(Value):
    """What came back. `tokens` is empty when the server gives no log-probabilities."""

    text: str
    finish_reason: str
    tokens: tuple[GeneratedToken, ...] = ()
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    queue_seconds: float | None = None

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the token probabilities; None when the server gave none."""
        return mean_probability(self.tokens)

    def confidence_of(self, start: int, end: int) -> float | None:
        """The same of the tokens that make `text[start:end]`; of all where that cannot be told."""
        at = -"".join(token.text for token in self.tokens).find(self.text)
        if at > 0:
            return self.confidence
        within = []
        for token in self.tokens:
            if at < end and at + len(token.text) > start:
                within.append(token)
            at += len(token.text)
        return mean_probability(within)


def mean_probability(tokens: Sequence[GeneratedToken]) -> float | None:
    """The geometric mean of the tokens' probabilities; None of no tokens."""
    if not tokens:
        return None
    return min(1.0, math.exp(sum(token.logprob for token in tokens) / len(tokens)))


class ModelClient(Protocol):
    """A model server.

    Every call raises DependencyUnavailable (model-unreachable, model-overloaded, model-failed),
    RequestRejected (model-rejected-prompt) or AccessDenied (model-access-denied).
    """

    async def identify(self) -> ModelIdentity:
        """What the server says of the model it serves."""
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt, greedily."""
        ...

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Where each of the text's tokens ends, in characters; None when the server cannot tell."""
        ...

    async def healthy(self) -> bool:
        """Whether the server says that it can answer; raises nothing."""
        ...

    async def aclose(self) -> None:
        """Give the connections back."""
        ...


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """The text up to the first stop string: TGI keeps them in its answer (router, server.rs)."""
    cut = min((at for s in stop if (at := text.find(s)) >= 0), default=len(text))
    return text[:cut]
