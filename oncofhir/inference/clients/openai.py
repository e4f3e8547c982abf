"""The OpenAI-compatible APIs of vLLM, SGLang and llama.cpp: `/v1/completions`, `/v1/chat/completions`.

Every parameter that decides the answer is sent: the servers' defaults differ (vLLM: 16 tokens,
temperature 1; llama.cpp: temperature 0.8). An answer bound to a schema is asked for as `response_format`,
which all three know; a server that ignores it is found out by whoever reads the answer.
"""

from typing import Any

from pydantic import BaseModel, ValidationError

from oncofhir.inference.clients.client import (
    Completion,
    CompletionRequest,
    GeneratedToken,
    cut_at_stop,
)
from oncofhir.inference.clients.http import ModelHttp, malformed_response
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.extraction import ModelIdentity


class _Model(BaseModel):
    id: str
    root: str | None = None
    max_model_len: int | None = None


class _Models(BaseModel):
    data: list[_Model]


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _ChatToken(BaseModel):
    token: str
    logprob: float


class _Logprobs(BaseModel):
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    content: list[_ChatToken] | None = None

    def generated(self) -> tuple[GeneratedToken, ...]:
        if self.content is not None:  # the chat form, which llama.cpp uses for completions too
            return tuple(GeneratedToken(text=t.token, logprob=t.logprob) for t in self.content)
        values = self.token_logprobs or []
        texts = self.tokens or [""] * len(values)
        pairs = zip(texts, values, strict=False)
        return tuple(GeneratedToken(text=t, logprob=v) for t, v in pairs if v is not None)


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    text: str | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Completed(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None


class _Tokenized(BaseModel):
    """vLLM's answer of `/tokenize` with `return_token_strs`."""

    token_strs: list[str] | None = None
    count: int | None = None


class OpenAiClient:
    """A model behind `/v1/completions`, or with `chat` behind `/v1/chat/completions`."""

    def __init__(self, http: ModelHttp, *, chat: bool = False) -> None:
        self._http = http
        self._chat = chat
        self._model: str | None = None

    async def identify(self) -> ModelIdentity:
        try:
            models = _Models.model_validate(await self._http.get("/v1/models"))
            model = models.data[0]
        except (ValidationError, IndexError) as error:
            raise malformed_response(self._http.base_url) from error
        self._model = model.id
        return ModelIdentity(
            name=model.id,
            digest=model.root or "unknown",
            server="openai-compatible",
            max_total_tokens=model.max_model_len,
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        if self._model is None:
            await self.identify()
        answer, _ = await self._http.post(
            "/v1/chat/completions" if self._chat else "/v1/completions", self._body(request)
        )
        try:
            completed = _Completed.model_validate(answer)
            choice = completed.choices[0]
        except (ValidationError, IndexError) as error:
            raise malformed_response(self._http.base_url) from error
        text = choice.message.content if choice.message else choice.text
        usage = completed.usage or _Usage()
        return Completion(
            text=cut_at_stop(text or "", request.stop),
            finish_reason=choice.finish_reason or "unknown",
            tokens=choice.logprobs.generated() if choice.logprobs else (),
            prompt_tokens=usage.prompt_tokens,
            generated_tokens=usage.completion_tokens,
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
        """By vLLM's `/tokenize`; None where there is none, or its tokens do not make the text."""
        body = {"model": self._model, "prompt": text, "return_token_strs": True}
        try:
            answer, _ = await self._http.post("/tokenize", body)
            tokens = _Tokenized.model_validate(answer).token_strs
        except (OncofhirError, ValidationError):
            return None
        return evenly_spaced_ends(text, tokens) if tokens else None

    async def healthy(self) -> bool:
        return await self._http.healthy()

    async def aclose(self) -> None:
        await self._http.aclose()


def evenly_spaced_ends(text: str, tokens: list[str]) -> tuple[int, ...]:
    """Where tokens end whose strings are the tokenizer's own ("Ġtumor", "<0x0A>"): evenly by their number.

    Their strings do not map to characters without the tokenizer; their number is what windows are cut by.
    """
    share = len(text) / len(tokens)
    return tuple(round(share * (at + 1)) for at in range(len(tokens)))
