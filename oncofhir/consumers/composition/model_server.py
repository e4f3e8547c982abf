"""Builds the model client from the settings: adapter, TLS, replicas."""

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from oncofhir.inference.clients.client import ModelClient
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.discovery import resolve_addresses
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.identity import declared
from oncofhir.inference.clients.in_process import CheckpointError, InProcessModel
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.clients.traced_client import CHAT, TEXT_COMPLETION, TracedClient
from oncofhir.inference.prompting.model_prompt_sets import prompt_set_of
from oncofhir.inference.prompting.tokenizer import LocalTokenizer
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import ModelApi, ModelSettings, SettingsError, read_token


def build_model_client(
    settings: ModelSettings, *, require_digest: bool = False, tracer: Tracer = NO_TRACING
) -> Replicas:
    """Build the client of the model server that the settings name, or of all its replicas.

    `require_digest` refuses a server whose weights are not identified. `tracer` records each completion.

    Raises:
        SettingsError: certificates or a checkpoint cannot be read, or the URL does not suit the API.
    """
    if (settings.api is ModelApi.TRANSFORMERS) != settings.url.startswith("/"):
        raise SettingsError(
            "ONCOFHIR_MODEL__URL is a folder (/…) with ONCOFHIR_MODEL__API=transformers, else a URL"
        )
    if settings.api is ModelApi.TRANSFORMERS:
        return _in_process(settings)
    urls = settings.url.split()
    if settings.resolve_replicas and len(urls) > 1:
        raise SettingsError("ONCOFHIR_MODEL__RESOLVE_REPLICAS needs one ONCOFHIR_MODEL__URL")
    tls = build_tls_context(settings)
    token = partial(read_token, settings.token_file)
    name = urlsplit(urls[0]).hostname if settings.resolve_replicas else None

    def connect(address: str) -> Replica:
        client = _adapter(settings, address, token, tls, name, tracer)
        declare = partial(declared, name=settings.name, digest=settings.digest)
        return Replica(client, AdaptiveLimit(settings.max_concurrency), declare=declare)

    discover = partial(static_addresses, urls)
    if settings.resolve_replicas:
        discover = partial(resolve_addresses, urls[0])
    return Replicas(discover, connect, require_digest=require_digest)


async def served_prompt_set(settings: ModelSettings) -> str | None:
    """Return the prompt set of the model that the server names; None if that is not known or not answered.

    Raises:
        SettingsError: as `build_model_client`.
    """
    client = build_model_client(settings)
    try:
        return prompt_set_of((await client.identify()).name)
    except OncofhirError:
        return None  # the command meets and reports the same error
    finally:
        await client.aclose()


def _in_process(settings: ModelSettings) -> Replicas:
    try:
        model = InProcessModel(Path(settings.url), settings.adapter)
    except CheckpointError as error:
        raise SettingsError(f"ONCOFHIR_MODEL__URL: {error}") from error
    return Replicas(
        partial(static_addresses, [settings.url]), lambda _: Replica(model, AdaptiveLimit(1))
    )


def build_tls_context(settings: ModelSettings) -> ssl.SSLContext:
    """Build the TLS context: trusted authorities and the client certificate.

    Raises:
        SettingsError: a file is missing or holds no certificate or key; the message names the setting.
    """
    context = ssl.create_default_context()
    if settings.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load_certificates(
            "CA_FILE", settings.ca_file, partial(context.load_verify_locations, settings.ca_file)
        )
    if settings.cert_file:
        chain = partial(context.load_cert_chain, settings.cert_file, settings.key_file)
        _load_certificates("CERT_FILE", settings.cert_file, chain)
    elif settings.key_file:
        raise SettingsError("ONCOFHIR_MODEL__KEY_FILE needs ONCOFHIR_MODEL__CERT_FILE")
    return context


def build_tokenizer(settings: ModelSettings) -> LocalTokenizer | None:
    """Load the model's own tokenizer, if the settings name its file.

    Raises:
        SettingsError: it cannot be read.
    """
    if settings.tokenizer_file is None:
        return None
    try:
        return LocalTokenizer(settings.tokenizer_file)
    except ValueError as error:
        raise SettingsError(f"ONCOFHIR_MODEL__TOKENIZER_FILE: {error}") from error


def _load_certificates(name: str, file: Path, load: Callable[[], object]) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError is one
        said = error.strerror or type(error).__name__
        raise SettingsError(f"ONCOFHIR_MODEL__{name}: {file}: {said}") from error


def _adapter(
    settings: ModelSettings,
    address: str,
    token: Callable[[], str | None],
    tls: ssl.SSLContext,
    server_name: str | None,
    tracer: Tracer,
) -> ModelClient:
    http = ModelHttp(
        address,
        token=token,
        timeout=settings.timeout_seconds,
        connections=settings.max_concurrency,
        tls=tls,
        server_name=server_name,
        trace_headers=partial(_trace_headers, tracer),
    )
    is_chat = settings.api is ModelApi.OPENAI_CHAT
    client: ModelClient = OpenAiClient(http, chat=is_chat)
    if settings.api is ModelApi.TGI:
        client = TgiClient(http)
    if tracer is NO_TRACING:
        return client
    return TracedClient(client, tracer, CHAT if is_chat else TEXT_COMPLETION, address)


def _trace_headers(tracer: Tracer) -> Mapping[str, str]:
    trace = tracer.current()
    return trace.text_headers() if trace is not None else {}
