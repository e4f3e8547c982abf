"""Dependency wiring: builds the pipeline and its parts from the settings."""

import json
from typing import Any

from oncofhir import __version__
from oncofhir.consumers.composition.fhir_server import build_authorization, tls
from oncofhir.consumers.composition.model_server import build_model_client, build_tokenizer
from oncofhir.consumers.processing.pipeline import Pipeline
from oncofhir.consumers.processing.report_reader import ReportReader
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.intake.attachments.reader import Parse
from oncofhir.fhir.intake.attachments.sandbox import ParsingBounds, ParsingPool
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.intake.triage import load_policy
from oncofhir.fhir.mapping.output_options import OutputOptions
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SourceReferences
from oncofhir.fhir.store.repository import Repository
from oncofhir.inference.calibration import Calibration, load_calibration
from oncofhir.inference.extractor import Answerer, Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import PromptSet, load_prompt_set
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import (
    FhirCredentials,
    FhirSettings,
    ModelSettings,
    Settings,
    SettingsError,
    Transactions,
    WriteMode,
)


def build_answerer(settings: ModelSettings) -> Answerer:
    """Build the prompted model of the settings.

    Raises:
        SettingsError: there is no such prompt set, or a file cannot be read.
    """
    return PromptedModel(
        build_model_client(settings), _load_prompts(settings), tokenizer=build_tokenizer(settings)
    )


def _load_prompts(settings: ModelSettings) -> PromptSet:
    try:
        return load_prompt_set(settings.prompt_set)
    except ValueError as error:
        raise SettingsError(f"ONCOFHIR_MODEL__PROMPT_SET: {error}") from error


def build_extractor(settings: ModelSettings, answers: Answerer) -> Extractor:
    """Build the extractor over a source of answers.

    Raises:
        SettingsError: the calibration file cannot be read.
    """
    return Extractor(
        answers,
        minimum_confidence=settings.minimum_confidence,
        minimums={Kind(kind): least for kind, least in settings.minimum_confidence_by_kind.items()},
        calibration=load_configured_calibration(settings),
        inferred_diagnosis=settings.inferred_diagnosis,
    )


def load_configured_calibration(settings: ModelSettings) -> Calibration | None:
    """Load the calibration of the settings.

    Raises:
        SettingsError: it cannot be read.
    """
    if settings.calibration_file is None:
        return None
    try:
        return load_calibration(settings.calibration_file)
    except ValueError as error:
        raise SettingsError(f"ONCOFHIR_MODEL__CALIBRATION_FILE: {error}") from error


def build_parsing_pool(settings: Settings) -> ParsingPool:
    """Build the pool of processes that parse attachments. The caller closes it."""
    parsing = settings.parsing
    return ParsingPool(
        ParsingBounds(
            processes=parsing.processes,
            seconds=parsing.timeout_seconds,
            memory_bytes=parsing.memory_bytes,
            max_documents_per_process=parsing.max_documents_per_process,
        )
    )


def build_report_reader(
    settings: Settings, parse: Parse, tracer: Tracer = NO_TRACING
) -> ReportReader:
    """Build the reader of reports. `parse` parses their attachments.

    Raises:
        SettingsError: the triage policy is invalid.
    """
    intake, fhir = settings.intake, settings.fhir
    current = fhir.source_base_url is not None if fhir.read_current is None else fhir.read_current
    try:
        policy = load_policy(
            skip_security_labels=intake.skip_security_labels,
            require_cancer=intake.require_cancer,
            languages=intake.languages,
            file=intake.triage_file,
        )
    except ValueError as error:
        raise SettingsError(
            f"ONCOFHIR_INTAKE__TRIAGE_FILE: {intake.triage_file}: {error}"
        ) from error
    return ReportReader(
        policy=policy,
        limits=IntakeLimits(
            max_attachment_bytes=intake.max_attachment_bytes,
            max_text_characters=intake.max_text_characters,
        ),
        read_current=current,
        parse=parse,
        tracer=tracer,
    )


def read_model_card(settings: ModelSettings) -> str | None:
    """Read the model card of the settings.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    if settings.card_file is None:
        return None
    try:
        text = settings.card_file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        file = settings.card_file
        raise SettingsError(f"ONCOFHIR_MODEL__CARD_FILE: {file}: {problem}") from error
    if not text.strip():
        raise SettingsError("ONCOFHIR_MODEL__CARD_FILE: the file is empty")
    return text


def build_repository(settings: Settings, store: FhirClient) -> Repository:
    """Build the repository that findings are written to.

    Raises:
        SettingsError: the model card cannot be read.
    """
    fhir = settings.fhir
    source_base = fhir.source_base_url or fhir.base_url
    sources = SourceReferences(
        form=fhir.references,
        base_url=source_base,
        message_system=IdentifierSystems(prefix=fhir.identifier_system).message,
    )
    return Repository(
        store,
        source_name=fhir.source_name,
        identifier_system=fhir.identifier_system,
        organization=fhir.organization,
        software_version=__version__,
        shadow=fhir.write is WriteMode.SHADOW,
        sources=sources,
        transactions=fhir.transactions is not Transactions.NEVER,
        max_transaction_entries=fhir.max_transaction_entries,
        model_card=read_model_card(settings.model),
        options=output_options(fhir),
    )


def output_options(settings: FhirSettings) -> OutputOptions:
    """Return what the site chose of the output."""
    return OutputOptions(**{name: getattr(settings, name) for name in OutputOptions.model_fields})


def build_fhir_client(
    settings: FhirSettings,
    base_url: str,
    credentials: FhirCredentials,
    tracer: Tracer = NO_TRACING,
) -> FhirClient:
    """Build a client for one FHIR server.

    Raises:
        SettingsError: the credentials cannot be used.
    """
    return FhirClient(
        base_url,
        authorization=build_authorization(base_url, credentials, settings.timeout_seconds),
        tls=tls(credentials),
        timeout=settings.timeout_seconds,
        max_connections=settings.max_connections,
        tracer=tracer,
    )


def output_settings_sha256(settings: Settings) -> str:
    """Hash the settings that change what is found or written. The hash is part of a run's identity."""
    model = settings.model
    relevant: dict[str, Any] = {
        "inferred_diagnosis": model.inferred_diagnosis,
        "minimum_confidence": model.minimum_confidence,
        "identifier_system": settings.fhir.identifier_system,
    }
    if settings.fhir.references != "same":
        relevant["references"] = settings.fhir.references
    relevant |= output_options(settings.fhir).non_default
    if model.minimum_confidence_by_kind:
        relevant["min_confidence"] = model.minimum_confidence_by_kind
    fitted = load_configured_calibration(model)
    if fitted is not None:
        relevant["calibration"] = fitted.model_dump(mode="json")
    return sha256_of(json.dumps(relevant, sort_keys=True))


def build_pipeline(settings: Settings, parse: Parse, tracer: Tracer = NO_TRACING) -> Pipeline:
    """Build the whole pipeline of a report. `parse` parses attachments, `tracer` records each step.

    Raises:
        SettingsError: a setting names something that does not exist.
    """
    fhir = settings.fhir
    store = build_fhir_client(fhir, fhir.base_url, fhir.credentials, tracer)
    source = store
    if fhir.source_base_url and fhir.source_base_url != fhir.base_url:
        source = build_fhir_client(fhir, fhir.source_base_url, fhir.source_credentials, tracer)
    # without a digest nothing that is stored could be recalled by the model that wrote it
    require_digest = fhir.write is WriteMode.STORE and not settings.model.allow_undetermined_digest
    client = build_model_client(settings.model, require_digest=require_digest, tracer=tracer)
    prompts = _load_prompts(settings.model)
    answers = PromptedModel(client, prompts, tokenizer=build_tokenizer(settings.model))
    return Pipeline(
        reader=build_report_reader(settings, parse, tracer),
        source=SourceReader(
            source,
            allowed_origins=settings.intake.allowed_origins,
            max_attachment_bytes=settings.intake.max_attachment_bytes,
            fetch_seconds=settings.intake.fetch_timeout_seconds,
        ),
        store=store,
        repository=build_repository(settings, store),
        extractor=build_extractor(settings.model, answers),
        model_queue=lambda: client.queue,
        settings_sha256=output_settings_sha256(settings),
        prompt_text=prompts.model_dump_json(indent=1),
        software_version=__version__,
        tracer=tracer,
    )
