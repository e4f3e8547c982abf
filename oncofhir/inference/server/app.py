"""TGI's routes over an engine.

Source: TGI v3.3.7, router/src/server.rs: status codes, error bodies, response headers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic, time
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from oncofhir.inference.server.engine import Engine
from oncofhir.inference.server.protocol import (
    CompletionsRequest,
    GenerateRequest,
    Generation,
    Parameters,
    TgiError,
    overloaded_error,
)

PAYLOAD_LIMIT = 2 * 2**20
Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


class Metrics:
    """TGI's metric names (docs/source/reference/metrics.md); the last two are this server's own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("tgi_request_count", "requests", registry=self.registry)
        self.success = Counter("tgi_request_success", "requests answered", registry=self.registry)
        self.failure = Counter(
            "tgi_request_failure", "requests refused or failed", ["err"], registry=self.registry
        )
        self.queue_size = Gauge("tgi_queue_size", "requests held", registry=self.registry)
        self.duration = Histogram(
            "tgi_request_duration", "seconds of a request", registry=self.registry
        )
        self.input_tokens = Histogram(
            "tgi_request_input_length",
            "tokens of a prompt",
            buckets=(32, 64, 128, 256, 512, 1024, 2048, 4096),
            registry=self.registry,
        )
        self.evaluated = Counter(
            "oncofhir_prompt_tokens_evaluated", "prompt tokens computed", registry=self.registry
        )
        self.cached = Counter(
            "oncofhir_prompt_tokens_cached",
            "prompt tokens taken from a slot's cache",
            registry=self.registry,
        )


class TgiApp:
    """The handlers and their shared state: the engine, the permits, the metrics."""

    def __init__(self, engine: Engine, api_key: str | None) -> None:
        self._engine = engine
        self._api_key = api_key
        self._held = 0
        self._metrics = Metrics()

    async def info(self, _: Request) -> Response:
        return JSONResponse(self._engine.info.model_dump())

    async def health(self, _: Request) -> Response:
        return PlainTextResponse("")

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type="text/plain")

    async def models(self, _: Request) -> Response:
        info = self._engine.info
        model = {"id": info.model_id, "object": "model", "created": 0, "owned_by": info.model_id}
        return JSONResponse({"object": "list", "data": [model]})

    async def generate(self, request: Request) -> Response:
        body = await _read(request, GenerateRequest)
        generation = await self._generate(body.inputs, body.parameters)
        answer = _answer(body, generation)
        return JSONResponse(answer, headers=self._headers(generation))

    async def generate_list(self, request: Request) -> Response:
        """Handle `POST /`: return a list, with the prompt before the answer unless that is switched off."""
        body = await _read(request, GenerateRequest)
        if body.parameters.return_full_text is None:
            full = body.parameters.model_copy(update={"return_full_text": True})
            body = body.model_copy(update={"parameters": full})
        generation = await self._generate(body.inputs, body.parameters)
        return JSONResponse([_answer(body, generation)], headers=self._headers(generation))

    async def root(self, request: Request) -> Response:
        """Handle `GET /` as the health check and `POST /` as a generation."""
        if request.method == "POST":
            return await self.guarded(self.generate_list)(request)
        return await self.health(request)

    async def tokenize(self, request: Request) -> Response:
        body = await _read(request, GenerateRequest)
        tokens, at = [], 0
        for token in await self._engine.tokenize(body.inputs):
            end = at + token.size  # in bytes, as TGI's
            tokens.append({"id": token.id, "text": token.text, "start": at, "stop": end})
            at = end
        return JSONResponse(tokens)

    async def completions(self, request: Request) -> Response:
        body = await _read(request, CompletionsRequest)
        prompt = body.prompt if isinstance(body.prompt, str) else body.prompt[0]
        generation = await self._generate(prompt, body.parameters())
        reason = {"eos_token": "stop", "stop_sequence": "stop_sequence"}.get(
            generation.finish_reason, "length"
        )
        generated = len(generation.tokens)
        return JSONResponse(
            {
                "object": "text_completion",
                "id": "",
                "created": int(time()),
                "model": self._engine.info.model_id,
                "system_fingerprint": f"{self._engine.info.version}-oncofhir",
                "choices": [
                    {
                        "index": 0,
                        "text": generation.text,
                        "logprobs": None,  # also where they are asked for
                        "finish_reason": reason,
                    }
                ],
                "usage": {
                    "prompt_tokens": generation.prompt_tokens,
                    "completion_tokens": generated,
                    "total_tokens": generation.prompt_tokens + generated,
                },
            },
            headers=self._headers(generation),
        )

    async def chat(self, _: Request) -> Response:
        raise TgiError(422, "template_error", "Template error: template not found")

    async def _generate(self, prompt: str, parameters: Parameters) -> Generation:
        began = monotonic()
        self._metrics.requests.inc()
        try:
            async with self._permit():
                generation = await self._engine.generate(prompt, parameters.check())
        except TgiError as error:
            self._metrics.failure.labels(err=error.error_type).inc()
            raise
        self._metrics.success.inc()
        self._metrics.duration.observe(monotonic() - began)
        self._metrics.input_tokens.observe(generation.prompt_tokens)
        self._metrics.cached.inc(generation.cached_tokens)
        self._metrics.evaluated.inc(generation.prompt_tokens - generation.cached_tokens)
        return generation

    @asynccontextmanager
    async def _permit(self) -> AsyncIterator[None]:
        if self._held >= self._engine.info.max_concurrent_requests:
            raise overloaded_error()
        self._held += 1
        self._metrics.queue_size.set(self._held)
        try:
            yield
        finally:
            self._held -= 1
            self._metrics.queue_size.set(self._held)

    def guarded(self, handler: Handler) -> Handler:
        """Return the handler, protected by the API key if there is one."""

        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if self._api_key is not None and given != f"Bearer {self._api_key}":
                return Response(status_code=401)
            return await handler(request)

        return checked

    def _headers(self, generation: Generation) -> dict[str, str]:
        generated = len(generation.tokens)
        inference = generation.inference_seconds
        total = generation.queue_seconds + inference
        per_token = inference / generated if generated else 0.0
        return {
            "x-compute-type": "cpu",
            "x-compute-time": str(total),
            "x-compute-characters": "0",
            "x-total-time": str(round(total * 1000)),
            "x-validation-time": "0",
            "x-queue-time": str(round(generation.queue_seconds * 1000)),
            "x-inference-time": str(round(inference * 1000)),
            "x-time-per-token": str(round(per_token * 1000)),
            "x-prompt-tokens": str(generation.prompt_tokens),
            "x-generated-tokens": str(generated),
        }


async def _read(request: Request, form: type[Body]) -> Body:
    """Parse the body; return errors as axum does, in plain text."""
    raw = await request.body()
    if len(raw) > PAYLOAD_LIMIT:
        raise _Refused(413, "Failed to buffer the request body: length limit exceeded")
    if "json" not in request.headers.get("content-type", ""):
        raise _Refused(415, "Expected request with `Content-Type: application/json`")
    try:
        return form.model_validate_json(raw)
    except ValidationError as error:
        kinds = {e["type"] for e in error.errors(include_input=False)}
        status = 400 if "json_invalid" in kinds else 422
        message = "Failed to deserialize the JSON body into the target type"
        raise _Refused(status, message) from None


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _answer(body: GenerateRequest, generation: Generation) -> dict[str, Any]:
    parameters = body.parameters
    text = body.inputs + generation.text if parameters.return_full_text else generation.text
    answer: dict[str, Any] = {"generated_text": text}
    if parameters.details:
        answer["details"] = {
            "finish_reason": generation.finish_reason,
            "generated_tokens": len(generation.tokens),
            "seed": parameters.seed,
            "prefill": [],
            "tokens": [token.model_dump() for token in generation.tokens],
        }
        if parameters.top_n_tokens:
            tops = generation.top_tokens or [[token] for token in generation.tokens]
            answer["details"]["top_tokens"] = [[t.model_dump() for t in top] for top in tops]
    return answer


def create_app(
    engine: Engine, *, api_key: str | None = None, more: list[Route] | None = None
) -> Starlette:
    """Build the application; `api_key` protects the routes that generate and tokenize, as in TGI."""
    app = TgiApp(engine, api_key)

    async def tgi_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, TgiError)
        return JSONResponse(error.body, status_code=error.status)

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, _Refused)
        return PlainTextResponse(error.message, status_code=error.status)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await engine.aclose()

    routes = [
        Route("/generate", app.guarded(app.generate), methods=["POST"]),
        Route("/tokenize", app.guarded(app.tokenize), methods=["POST"]),
        Route("/v1/completions", app.guarded(app.completions), methods=["POST"]),
        Route("/v1/chat/completions", app.guarded(app.chat), methods=["POST"]),
        Route("/", app.root, methods=["GET", "POST"]),
        Route("/health", app.health),
        Route("/ping", app.health),
        Route("/info", app.info),
        Route("/metrics", app.metrics),
        Route("/v1/models", app.models),
        *(more or []),
    ]
    handlers = {TgiError: tgi_error, _Refused: refused}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
