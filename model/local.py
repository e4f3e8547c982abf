"""The exported GGUF in process, behind the seam that a model server is behind in production."""

from itertools import accumulate, pairwise
from pathlib import Path

from model.places import GGUF_FILE
from oncofhir.inference.clients.client import Completion, CompletionRequest
from oncofhir.inference.clients.identity import model_identity
from oncofhir.inference.clients.token_offsets import ends_of_spans
from oncofhir.inference.server.llama import LlamaEngine
from oncofhir.inference.server.protocol import Parameters
from oncofhir.schemas.extraction import ModelIdentity


class LocalModel:
    """A `ModelClient` without a socket, for measuring."""

    def __init__(self, gguf: Path = GGUF_FILE) -> None:
        self._engine = LlamaEngine(gguf, slots=1)

    async def identify(self, affinity: str | None = None) -> ModelIdentity:  # noqa: ARG002
        info = self._engine.info
        return model_identity(info.model_id, info.model_sha, server="llama.cpp")

    async def complete(self, request: CompletionRequest) -> Completion:
        parameters = Parameters(
            max_new_tokens=request.max_new_tokens, stop=list(request.stop), do_sample=False
        )
        made = await self._engine.generate(request.prompt, parameters)
        return Completion(text=made.text, finish_reason=made.finish_reason)

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        tokens = await self._engine.tokenize(text)
        spans = list(pairwise([0, *accumulate(token.size for token in tokens)]))
        return ends_of_spans(text, spans)

    async def healthy(self) -> bool:
        return True

    async def aclose(self) -> None:
        await self._engine.aclose()
