"""The OpenAI-compatible APIs of vLLM, SGLang and llama.cpp: `/v1/completions`, `/v1/chat/completions`.

Every parameter that decides the answer is sent: the servers' defaults differ (vLLM: 16 tokens,
temperature 1; llama.cpp: temperature 0.8). An answer bound to a schema is requested as `response_format`,
which all three know. A server that ignores it is noticed when the answer is parsed.
"""

import codecs
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from oncofhir.inference.clients.answer import answer_of, no_answer
from oncofhir.inference.clients.client import Completion, CompletionRequest, GeneratedToken
from oncofhir.inference.clients.http import ModelHttp, PathNotFound
from oncofhir.inference.clients.identity import model_identity
from oncofhir.inference.clients.token_offsets import (
    ends_of_pieces,
    ends_of_strings,
    evenly_spaced_ends,
)
from oncofhir.schemas.errors import DependencyUnavailable, OncofhirError, UnsuitableServer
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

# `owned_by` in /v1/models.
SERVERS = {"vllm": "vllm", "llamacpp": "llama.cpp", "sglang": "sglang"}

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Meta(BaseModel):
    n_ctx: int | None = None


class _Model(BaseModel):
    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: _Meta | None = None


class _Models(BaseModel):
    data: Annotated[list[_Model], Field(min_length=1)]


class _Info(BaseModel):
    """Of TGI's `/info`, which TGI serves in addition to its OpenAI-compatible API."""

    model_sha: str | None = None
    version: str | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _ChatToken(BaseModel):
    token: str
    logprob: Finite
    bytes: list[int] | None = None


class _Logprobs(BaseModel):
    tokens: list[str] | None = None
    token_logprobs: list[Finite | None] | None = None
    content: list[_ChatToken] | None = None

    def generated(self) -> list[GeneratedToken]:
        if self.content is not None:  # the chat form, which llama.cpp uses for completions too
            return _decoded(self.content)
        values = self.token_logprobs or []
        texts = self.tokens or [""] * len(values)
        pairs = zip(texts, values, strict=False)
        return [GeneratedToken(t, min(v, 0.0)) for t, v in pairs if v is not None]


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    text: str | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Timings(BaseModel):
    """llama.cpp's own figures."""

    predicted_per_token_ms: Finite | None = None


class _Completed(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None
    timings: _Timings | None = None


class _Piece(BaseModel):
    piece: str | list[int]


class _Tokenized(BaseModel):
    """vLLM's answer of `/tokenize` with `return_token_strs`, llama.cpp's with `with_pieces`."""

    token_strs: list[str] | None = None
    tokens: list[_Piece | int] = []


_MODELS, _COMPLETED = TypeAdapter(_Models), TypeAdapter(_Completed)
_TOKENIZED, _INFO = TypeAdapter(_Tokenized), TypeAdapter(_Info)


class OpenAiClient:
    """A model behind `/v1/completions`, or with `chat` behind `/v1/chat/completions`."""

    def __init__(self, http: ModelHttp, *, chat: bool = False) -> None:
        self._http = http
        self._chat = chat
        self._model: str | None = None

    async def identify(self, affinity: str | None = None) -> ModelIdentity:  # noqa: ARG002
        """Read `/v1/models`, and `/info` of a server that reports no limits there.

        Raises:
            UnsuitableServer: the server has no `/v1/models`: it speaks another API.
        """
        try:
            model = (await self._http.get("/v1/models", _MODELS)).data[0]
        except PathNotFound as error:
            raise UnsuitableServer(
                Reason.MODEL_UNSUITABLE,
                f"{self._http.base_url}/v1/models",
                f"{error.detail}: not an OpenAI-compatible API; check ONCOFHIR_MODEL__URL and __API",
            ) from error
        self._model = model.id
        limit = model.max_model_len or (model.meta.n_ctx if model.meta else None)
        info = await self._info() if limit is None else _Info()
        return model_identity(
            model.id,
            info.model_sha,
            server=SERVERS.get(model.owned_by or "", "openai-compatible"),
            server_version=info.version,
            max_input_tokens=info.max_input_tokens,
            max_total_tokens=limit or info.max_total_tokens,
        )

    async def _info(self) -> _Info:
        try:
            return await self._http.get("/info", _INFO)
        except OncofhirError:
            return _Info()

    async def complete(self, request: CompletionRequest) -> Completion:
        if self._model is None:
            await self.identify()
        path = "/v1/chat/completions" if self._chat else "/v1/completions"
        try:
            completed, _ = await self._http.post(path, self._body(request), _COMPLETED)
        except PathNotFound as error:
            self._model = None  # vLLM answers 404 for a model that it does not serve any more
            raise DependencyUnavailable(error.reason, error.location, error.detail) from error
        choice = completed.choices[0]
        if choice.message is not None and choice.message.refusal:
            raise no_answer(self._http.base_url, "the model refused to answer")
        usage, timings = completed.usage or _Usage(), completed.timings or _Timings()
        step = timings.predicted_per_token_ms
        return answer_of(
            request,
            choice.message.content if choice.message else choice.text,
            choice.finish_reason,
            choice.logprobs.generated() if choice.logprobs else (),
            address=self._http.base_url,
            prompt_tokens=usage.prompt_tokens,
            generated_tokens=usage.completion_tokens,
            step_seconds=None if step is None else step / 1000,
        )

    def _body(self, request: CompletionRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": request.max_new_tokens,
            "temperature": 0,
            "stop": list(request.stop),
            "stream": False,
        }
        if request.json_schema is not None:
            schema = {"name": "answers", "schema": request.json_schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self._chat:
            message = {"role": "user", "content": request.prompt}
            return body | {"messages": [message], "logprobs": True}
        return body | {"prompt": request.prompt, "logprobs": 1}

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Ask `/tokenize` of vLLM (`prompt`) or llama.cpp (`content`). None if there is none."""
        body = {
            "model": self._model,
            "prompt": text,
            "return_token_strs": True,
            "add_special_tokens": False,
            "content": text,
            "with_pieces": True,
        }
        try:
            answer, _ = await self._http.post("/tokenize", body, _TOKENIZED)
        except OncofhirError:
            return None
        if answer.token_strs is not None:
            ends = ends_of_strings(text, answer.token_strs)
            count = len(answer.token_strs)
        else:
            pieces = [token.piece for token in answer.tokens if isinstance(token, _Piece)]
            ends = ends_of_pieces(text, [_bytes(piece) for piece in pieces])
            count = len(answer.tokens)
        return ends or (evenly_spaced_ends(text, count) if count else None)

    async def healthy(self) -> bool:
        return await self._http.healthy()

    async def aclose(self) -> None:
        await self._http.aclose()


def _bytes(piece: str | list[int]) -> bytes:
    if isinstance(piece, str):
        return piece.encode("utf-8", "surrogatepass")
    return bytes(byte for byte in piece if 0 <= byte < 256)  # noqa: PLR2004


def _decoded(content: list[_ChatToken]) -> list[GeneratedToken]:
    """Return the tokens with their texts from their bytes.

    A token that ends inside a character has no text; the token that completes the character has it.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [
        GeneratedToken(
            t.token if t.bytes is None else decoder.decode(_bytes(t.bytes)), min(t.logprob, 0.0)
        )
        for t in content
    ]
