"""Text Generation Inference's native API: `/generate` and `/info`.

Source: TGI v3.3.7, router/src/server.rs and lib.rs. `/` would echo the prompt, and `/v1/completions`
switches the prefix cache off. `parameters` are always sent, for without them TGI samples.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, Field, TypeAdapter

from oncofhir.inference.clients.answer import answer_of
from oncofhir.inference.clients.client import Completion, CompletionRequest, GeneratedToken
from oncofhir.inference.clients.http import ModelHttp, PathNotFound, parse_number
from oncofhir.inference.clients.identity import model_identity
from oncofhir.inference.clients.token_offsets import ends_of_spans, evenly_spaced_ends
from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

log = structlog.get_logger(__name__)

SERVER = "text-generation-inference"
MAX_STOP_SEQUENCES = 4
# Of each step's likeliest tokens, so that a probability can be had from their difference: see `_logprob`.
TOP_TOKENS = 2

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Token(BaseModel):
    id: int = -1
    text: str
    logprob: Finite | None = None
    special: bool = False


class _Details(BaseModel):
    finish_reason: str
    generated_tokens: int
    tokens: list[_Token] = []
    top_tokens: list[list[_Token]] = []


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
    start: int = 0
    stop: int


_GENERATED, _INFO, _SPANS = TypeAdapter(_Generated), TypeAdapter(_Info), TypeAdapter(list[_Span])


class TgiClient:
    """A model behind TGI, or behind `oncofhir model serve`, which speaks the same API."""

    def __init__(self, http: ModelHttp) -> None:
        self._http = http
        self._has_usable_offsets = True

    async def identify(self, affinity: str | None = None) -> ModelIdentity:  # noqa: ARG002
        """Read `/info`.

        Raises:
            UnsuitableServer: the server has no `/info`: it speaks another API.
        """
        try:
            info = await self._http.get("/info", _INFO)
        except PathNotFound as error:
            raise UnsuitableServer(
                Reason.MODEL_UNSUITABLE,
                f"{self._http.base_url}/info",
                f"{error.detail}: not TGI's API; for vLLM, SGLang and llama.cpp set "
                "ONCOFHIR_MODEL__API=openai-completions (or openai-chat)",
            ) from error
        return model_identity(
            info.model_id,
            info.model_sha,
            server=SERVER,
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
            "top_n_tokens": TOP_TOKENS,
            "stop": list(request.stop[:MAX_STOP_SEQUENCES]),
        }
        if request.json_schema is not None:
            parameters["grammar"] = {"type": "json", "value": request.json_schema}
        body = {"inputs": request.prompt, "parameters": parameters}
        generated, headers = await self._http.post("/generate", body, _GENERATED)
        details = generated.details
        prompt_tokens = parse_number(headers.get("x-prompt-tokens"))
        return answer_of(
            request,
            generated.generated_text,
            details.finish_reason,
            _tokens(details),
            address=self._http.base_url,
            prompt_tokens=None if prompt_tokens is None else int(prompt_tokens),
            generated_tokens=details.generated_tokens,
            queue_seconds=_seconds(headers.get("x-queue-time")),
            step_seconds=_seconds(headers.get("x-time-per-token")),
        )

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Ask `/tokenize`, whose offsets are bytes.

        Where TGI cannot write its tokenizer to its working directory, every offset is 0. Then only the
        number of tokens is used.
        """
        spans, _ = await self._http.post("/tokenize", {"inputs": text}, _SPANS)
        ends = ends_of_spans(text, [(span.start, span.stop) for span in spans])
        if ends is None and spans and text.strip():
            if self._has_usable_offsets:
                self._has_usable_offsets = False
                log.warning(
                    "model server returns unusable token offsets; long reports are split by the number "
                    "of tokens (start TGI in a writable working directory)",
                    address=self._http.base_url,
                )
            return evenly_spaced_ends(text, len(spans))
        return ends

    async def healthy(self) -> bool:
        return await self._http.healthy()

    async def aclose(self) -> None:
        await self._http.aclose()


def _tokens(details: _Details) -> list[GeneratedToken]:
    tops: Sequence[list[_Token]] = details.top_tokens or [[]] * len(details.tokens)
    return [
        GeneratedToken(token.text, _logprob(token, token.logprob, top))
        for token, top in zip(details.tokens, tops, strict=False)
        if token.logprob is not None and not token.special
    ]


def _logprob(token: _Token, logprob: float, top: Sequence[_Token]) -> float:
    """Return the token's log-probability among the likeliest tokens, if it is the smaller one.

    In bfloat16 a log-probability near 0 is rounded to 0: 893 of 1,080 were, and each answer had a
    confidence of 1. Those of the tokens that were not chosen are far from 0 and keep their digits.
    """
    others = [t.logprob for t in top if t.logprob is not None and t.id != token.id]
    among = -math.log1p(sum(math.exp(min(other - logprob, 0.0)) for other in others))
    return min(logprob, among, 0.0)


def _seconds(milliseconds: str | None) -> float | None:
    number = parse_number(milliseconds)
    return None if number is None else number / 1000
