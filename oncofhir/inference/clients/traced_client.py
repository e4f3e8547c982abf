"""Spans of a model's completions, by OpenTelemetry's semantic conventions for generative AI, without content.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/. Neither prompts nor answers are
attributes: `gen_ai.input.messages` and `gen_ai.output.messages` are opt-in there and are never set here.
"""

from urllib.parse import urlsplit

from oncofhir.inference.clients.answer import code
from oncofhir.inference.clients.client import Completion, CompletionRequest, ModelClient
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.tracing.tracer import Attributes, SpanKind, Tracer

CHAT, TEXT_COMPLETION = "chat", "text_completion"


class TracedClient:
    """A model client that records a span for each completion.

    Args:
        client: the client.
        tracer: begins the spans.
        operation: `chat` or `text_completion`.
        address: the server's URL.
    """

    def __init__(self, client: ModelClient, tracer: Tracer, operation: str, address: str) -> None:
        self._client = client
        self._tracer = tracer
        self._operation = operation
        self._name = operation
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._attributes: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.request.temperature": 0.0,
            "server.address": parts.hostname or "",
            "server.port": port,
        }

    async def identify(self, affinity: str | None = None) -> ModelIdentity:
        identity = await self._client.identify(affinity)
        self._name = f"{self._operation} {identity.name}"
        self._attributes = {
            **self._attributes,
            "gen_ai.request.model": identity.name,
            "gen_ai.provider.name": identity.server,
        }
        return identity

    async def complete(self, request: CompletionRequest) -> Completion:
        attributes = {**self._attributes, "gen_ai.request.max_tokens": request.max_new_tokens}
        with self._tracer.span(self._name, SpanKind.CLIENT, attributes) as span:
            completion = await self._client.complete(request)
            span.set(_results(completion))
            return completion

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        return await self._client.token_ends(text)

    async def healthy(self) -> bool:
        return await self._client.healthy()

    async def aclose(self) -> None:
        await self._client.aclose()


def _results(completion: Completion) -> Attributes:
    tokens = {
        "gen_ai.usage.input_tokens": completion.prompt_tokens,
        "gen_ai.usage.output_tokens": completion.generated_tokens,
    }
    found: Attributes = {name: count for name, count in tokens.items() if count is not None}
    return {**found, "gen_ai.response.finish_reasons": (code(completion.finish_reason),)}
