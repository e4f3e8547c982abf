"""Text Generation Inference's native API: `/generate` and `/info`.

Source: TGI v3.3.7, router/src/server.rs and lib.rs. `/` would echo the prompt, and `/v1/completions`
switches the prefix cache off; `parameters` are always sent, for without them TGI samples.
"""

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from oncofhir.inference.clients.client import (
    Completion,
    CompletionRequest,
    GeneratedToken,
    cut_at_stop,
)
from oncofhir.inference.clients.http import ModelHttp, malformed_response, parse_number
from oncofhir.schemas.extraction import ModelIdentity

MAX_STOP_SEQUENCES = 4


class _Token(BaseModel):
    text: str
    logprob: float | None = None
    special: bool = False


class _Details(BaseModel):
    finish_reason: str
    generated_tokens: int
    tokens: list[_Token] = []


class _Generated(BaseModel):
    generated_text: str
    details: _Details


class _Info(BaseModel):
    model_id: str
    model_sha: str | None = None
    version: str | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None


class _Span(BaseModel):
    stop: int


_SPANS = TypeAdapter(list[_Span])


class TgiClient:
    """A model behind TGI, or behind `oncofhir model serve`, which speaks the same API."""

    def __init__(self, http: ModelHttp) -> None:
        self._http = http

    async def identify(self) -> ModelIdentity:
        try:
            info = _Info.model_validate(await self._http.get("/info"))
        except ValidationError as error:
            raise malformed_response(self._http.base_url) from error
        return ModelIdentity(
            name=info.model_id,
            digest=info.model_sha or "unknown",
            server="text-generation-inference",
            server_version=info.version,
            max_input_tokens=info.max_input_tokens,
            max_total_tokens=info.max_total_tokens,
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        parameters: dict[str, Any] = {
            "max_new_tokens": request.max_new_tokens,
            "do_sample": False,
            "details": True,
            "return_full_text": False,
            "decoder_input_details": False,
            "stop": list(request.stop[:MAX_STOP_SEQUENCES]),
        }
        if request.json_schema is not None:
            parameters["grammar"] = {"type": "json", "value": request.json_schema}
        body = {"inputs": request.prompt, "parameters": parameters}
        answer, headers = await self._http.post("/generate", body)
        try:
            generated = _Generated.model_validate(answer)
        except ValidationError as error:
            raise malformed_response(self._http.base_url) from error
        prompt_tokens = parse_number(headers.get("x-prompt-tokens"))
        queued_ms = parse_number(headers.get("x-queue-time"))
        return Completion(
            text=cut_at_stop(generated.generated_text, request.stop),
            finish_reason=generated.details.finish_reason,
            tokens=tuple(
                GeneratedToken(text=t.text, logprob=t.logprob)
                for t in generated.details.tokens
                if t.logprob is not None and not t.special
            ),
            prompt_tokens=None if prompt_tokens is None else int(prompt_tokens),
            generated_tokens=generated.details.generated_tokens,
            queue_seconds=None if queued_ms is None else queued_ms / 1000,
        )

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """By `/tokenize`, whose spans are in characters of `inputs`."""
        answer, _ = await self._http.post("/tokenize", {"inputs": text})
        try:
            return tuple(span.stop for span in _SPANS.validate_python(answer))
        except ValidationError as error:
            raise malformed_response(self._http.base_url) from error

    async def healthy(self) -> bool:
        return await self._http.healthy()

    async def aclose(self) -> None:
        await self._http.aclose()
