"""The OpenAI-compatible APIs of vLLM, SGLang and llama.cpp: `/v1/completions`, `/v1/chat/completions`.

Every parameter that decides the answer is sent: the servers' defaults differ (vLLM: 16 tokens,
temperature 1; llama.cpp: temperature 0.8).
"""

from typing import Any

from pydantic import BaseModel, ValidationError

from oncofhir.inference.client import Completion, CompletionRequest, trimmed
from oncofhir.inference.http import ModelHttp, malformed
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


class _Logprobs(BaseModel):
    token_logprobs: list[float | None] | None = None
    content: list[dict[str, Any]] | None = None

    def values(self) -> tuple[float, ...]:
        if self.content is not None:  # the chat form, which llama.cpp uses for completions too
            return tuple(float(token["logprob"]) for token in self.content if "logprob" in token)
        return tuple(value for value in self.token_logprobs or () if value is not None)


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
            raise malformed(self._http.base_url) from error
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
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": request.max_new_tokens,
            "temperature": 0,
            "stop": list(request.stop),
            "stream": False,
        }
        if self._chat:
            body |= {"messages": [{"role": "user", "content": request.prompt}], "logprobs": True}
        else:
            body |= {"prompt": request.prompt, "logprobs": 1}
        answer, _ = await self._http.post(
            "/v1/chat/completions" if self._chat else "/v1/completions", body
        )
        try:
            completed = _Completed.model_validate(answer)
            choice = completed.choices[0]
        except (ValidationError, IndexError) as error:
            raise malformed(self._http.base_url) from error
        text = choice.message.content if choice.message else choice.text
        usage = completed.usage or _Usage()
        return Completion(
            text=trimmed(text or "", request.stop),
            finish_reason=choice.finish_reason or "unknown",
            logprobs=choice.logprobs.values() if choice.logprobs else (),
            prompt_tokens=usage.prompt_tokens,
            generated_tokens=usage.completion_tokens,
        )

    async def healthy(self) -> bool:
        return await self._http.healthy()

    async def aclose(self) -> None:
        await self._http.aclose()
