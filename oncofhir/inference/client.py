"""The seam to a model server: what every adapter takes and gives."""

import math
from collections.abc import Sequence
from typing import Protocol

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import ModelIdentity


class CompletionRequest(Value):
    """One prompt. Decoding is greedy; `stop` strings are not part of the completion's text."""

    prompt: str
    max_new_tokens: int
    stop: tuple[str, ...] = ()


class Completion(Value):
    """What came back. `logprobs` are natural logarithms, one a generated token; empty when unknown."""

    text: str
    finish_reason: str
    logprobs: tuple[float, ...] = ()
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    queue_seconds: float | None = None

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the token probabilities; None when the server gave none."""
        if not self.logprobs:
            return None
        return min(1.0, math.exp(sum(self.logprobs) / len(self.logprobs)))


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

    async def healthy(self) -> bool:
        """Whether the server says that it can answer; raises nothing."""
        ...

    async def aclose(self) -> None:
        """Give the connections back."""
        ...


def trimmed(text: str, stop: Sequence[str]) -> str:
    """The text up to the first stop string: TGI keeps them in its answer (router, server.rs)."""
    cut = min((at for s in stop if (at := text.find(s)) >= 0), default=len(text))
    return text[:cut]
