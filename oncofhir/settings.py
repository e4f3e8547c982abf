"""Every setting: environment `ONCOFHIR_<GROUP>__<NAME>`, and a TOML file named by `ONCOFHIR_CONFIG`.

The environment wins over the file. Unknown keys are refused in both. Secrets are read from files and
are never part of the settings, so printing the settings prints none; URLs are printed without userinfo.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "ONCOFHIR_"
CONFIG_FILE_VARIABLE = "ONCOFHIR_CONFIG"
_BESIDE_SETTINGS = {CONFIG_FILE_VARIABLE}


class SettingsError(Exception):
    """The settings are wrong; the message names the keys and holds none of their values."""


FindingKind = Literal[
    "tumor-size",
    "tumor-site",
    "tumor-laterality",
    "cancer-grade",
    "histological-type",
    "hormone-receptor",
    "cancer-stage",
    "diagnosis",
]


class ModelApi(StrEnum):
    """Which HTTP API the model server speaks; `transformers`: none, a checkpoint runs in this process."""

    TGI = "tgi"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_CHAT = "openai-chat"
    TRANSFORMERS = "transformers"


class Transactions(StrEnum):
    """Whether a report's findings are written in one transaction."""

    AUTO = "auto"
    NEVER = "never"


class WriteMode(StrEnum):
    """Whether findings are written to the store, or only published (design, shadow mode)."""

    STORE = "store"
    SHADOW = "shadow"


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https URL is needed")
    return url.rstrip("/")


def _https_url(url: str) -> str:
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ValueError("an https URL is needed: a client's secret is sent there")
    return url


HttpsUrl = Annotated[str, AfterValidator(_https_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Group(BaseModel):
    """A group of settings; unknown names in it are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(Group):
    """The broker, the topics and how much is in flight."""

    bootstrap_servers: str = "localhost:9092"
    group_id: str = "oncofhir"
    client_id: str = "oncofhir"
    diagnostic_report_topic: str = "fhir.diagnostic-report"
    document_reference_topic: str = "fhir.document-reference"
    diagnostic_report_history_topic: str | None = Field(
        None, description="read only while the live topics are caught up; default: none"
    )
    document_reference_history_topic: str | None = Field(
        None, description="read only while the live topics are caught up; default: none"
    )
    history_rests_above: NonNegativeInt = Field(
        16,
        description="live records unread or unfinished, of a worker's partitions, above which history "
        "is paused; it goes on at half as many",
    )
    phenotype_topic: str = "oncology.phenotypes"
    outcome_topic: str = "oncology.outcomes"
    dead_letter_topic: str = "oncology.dead-letters"
    security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    sasl_mechanism: str | None = Field(
        None, pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER)$"
    )
    sasl_username: str | None = None
    sasl_password_file: Path | None = None
    sasl_oauth_url: HttpsUrl | None = Field(
        None, description="OAUTHBEARER: token endpoint, asked with the client-credentials grant"
    )
    sasl_oauth_client_id: str | None = None
    sasl_oauth_client_secret_file: Path | None = None
    sasl_oauth_scope: str | None = None
    sasl_oauth_ca_file: Path | None = Field(
        None, description="CA of the token endpoint; default: the system's"
    )
    ssl_ca_file: Path | None = None
    ssl_certificate_file: Path | None = None
    ssl_key_file: Path | None = None
    max_in_flight_records: PositiveInt = Field(64, description="records worked on at a time")
    max_in_flight_bytes: PositiveInt = Field(64 * 2**20, description="bytes of records held")
    max_replay_records: PositiveInt = Field(
        1_000, description="records of a partition that may be finished ahead of an unfinished one"
    )
    max_request_bytes: PositiveInt = Field(16 * 2**20, description="largest record we produce")
    session_timeout_ms: PositiveInt = 45_000
    commit_interval_seconds: PositiveFloat = 2.0
    check_topics: bool = Field(
        True, description="the worker looks at its topics at start, and ends when one is missing"
    )

    @property
    def live_topics(self) -> tuple[str, str]:
        return (self.diagnostic_report_topic, self.document_reference_topic)

    @property
    def history_topics(self) -> tuple[str, ...]:
        both = (self.diagnostic_report_history_topic, self.document_reference_history_topic)
        return tuple(topic for topic in both if topic)

    @property
    def input_topics(self) -> tuple[str, ...]:
        """All that are consumed: the live ones first."""
        return (*self.live_topics, *self.history_topics)

    @model_validator(mode="after")
    def _history_is_apart(self) -> "KafkaSettings":
        others = {
            *self.live_topics,
            self.phenotype_topic,
            self.outcome_topic,
            self.dead_letter_topic,
        }
        if others & set(self.history_topics):
            raise ValueError("a history topic must be a topic of its own")
        return self


class FhirCredentials(Group):
    """How one FHIR server knows us: a token file, or a client of SMART Backend Services; and TLS."""

    token_file: Path | None = None
    token_url: HttpUrl | None = None
    client_id: str | None = None
    private_key_file: Path | None = None
    key_id: str | None = None
    scopes: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> "FhirCredentials":
        if bool(self.client_id) != bool(self.private_key_file):
            raise ValueError("CLIENT_ID and PRIVATE_KEY_FILE belong together")
        if self.client_id and self.token_file:
            raise ValueError("either TOKEN_FILE or CLIENT_ID, not both")
        if not self.client_id and (self.token_url or self.key_id):
            raise ValueError("TOKEN_URL and KEY_ID need CLIENT_ID and PRIVATE_KEY_FILE")
        if self.key_file and not self.cert_file:
            raise ValueError("KEY_FILE needs CERT_FILE")
        return self


_SCOPES = "system/*.cruds"


class FhirSettings(Group):
    """The clinical data store that is written to, and the source that is read from.

    `source_…` credentials are for a source that is another server; without them it is asked without.
    """

    base_url: HttpUrl = "http://localhost:8090/fhir"
    source_base_url: HttpUrl | None = Field(None, description="default: base_url")
    token_file: Path | None = None
    token_url: HttpUrl | None = Field(
        None, description="default: what base_url/.well-known/smart-configuration names"
    )
    client_id: str | None = Field(None, description="of SMART Backend Services")
    private_key_file: Path | None = Field(
        None, description="PEM or JWK; RSA signs with RS384, P-384 with ES384"
    )
    key_id: str | None = Field(None, description="kid of the registered public key")
    scopes: str = _SCOPES
    ca_file: Path | None = Field(None, description="authorities to trust instead of the system's")
    cert_file: Path | None = Field(None, description="client certificate chain (mTLS)")
    key_file: Path | None = Field(None, description="its key, when cert_file does not hold it")
    source_token_file: Path | None = None
    source_token_url: HttpUrl | None = None
    source_client_id: str | None = None
    source_private_key_file: Path | None = None
    source_key_id: str | None = None
    source_scopes: str = "system/*.rs"
    source_ca_file: Path | None = None
    source_cert_file: Path | None = None
    source_key_file: Path | None = None
    identifier_system: str = Field(
        "https://oncofhir.example.org/sid",
        description="prefix of the identifier systems of all we write; set it to a URI you own",
    )
    source_name: str = Field("ehr", description="names the source in document identities")
    organization: str = Field(
        "oncofhir operator",
        description="who answers for the service, in Provenance.agent.onBehalfOf",
    )
    write: WriteMode = Field(
        WriteMode.STORE,
        description="shadow: only read the store; the group and output topics must be of its own",
    )
    references: Literal["same", "absolute", "identifier"] = Field(
        "same",
        description="how what is written refers to the source's resources: by the same relative reference, "
        "by its URL at the source, or by that URL as an identifier",
    )
    transactions: Transactions = Field(
        Transactions.AUTO,
        description="auto: one transaction a report where the server says that it has transactions, "
        "else one resource after another, the head last; never: always so",
    )
    max_transaction_entries: PositiveInt | None = Field(
        None, description="a report that needs more entries in its transaction is a dead letter"
    )
    read_current: bool | None = Field(
        None,
        description="read the source's current version before acting on an event; "
        "default: when source_base_url is set",
    )
    timeout_seconds: PositiveFloat = 30.0
    max_connections: PositiveInt = Field(16, description="requests at a FHIR server at a time")

    @property
    def credentials(self) -> FhirCredentials:
        """Those for the store."""
        return self._credentials("")

    @property
    def source_credentials(self) -> FhirCredentials:
        """Those for the source, where it is another server."""
        return self._credentials("source_")

    def _credentials(self, prefix: str) -> FhirCredentials:
        return FhirCredentials(
            **{name: getattr(self, prefix + name) for name in FhirCredentials.model_fields}
        )

    @model_validator(mode="after")
    def _credentials_fit(self) -> "FhirSettings":
        """A mistake in either shows when the settings are read."""
        for prefix in ("", "source_"):
            try:
                self._credentials(prefix)
            except ValidationError as error:
                said = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"{prefix.upper()}… {said}") from error
        return self


def _http_urls(urls: str) -> str:
    if urls.startswith("/"):
        return urls
    return " ".join(_http_url(url) for url in urls.replace(",", " ").split()) or _http_url(urls)


class ModelSettings(Group):
    """The model server, or its replicas."""

    url: Annotated[str, AfterValidator(_http_urls)] = Field(
        "http://localhost:8080",
        description="several, with blanks or commas between, are replicas; "
        "with the API transformers a checkpoint's folder",
    )
    adapter: Path | None = Field(
        None,
        description="a LoRA adapter's folder, with the API transformers; servers take it merged",
    )
    resolve_replicas: bool = Field(
        False, description="every address of the URL's host name is a replica (a headless Service)"
    )
    api: ModelApi = ModelApi.TGI
    token_file: Path | None = None
    ca_file: Path | None = Field(None, description="authorities to trust instead of the system's")
    cert_file: Path | None = Field(None, description="shown to the server, with its chain")
    key_file: Path | None = Field(None, description="of the certificate, if not in the same file")
    prompt_set: str = "cancerllm"
    tokenizer_file: Path | None = Field(
        None,
        description="the model's tokenizer.json, to cut long reports by; "
        "default: the server is asked, else characters count",
    )
    timeout_seconds: PositiveFloat = 120.0
    max_concurrency: PositiveInt = Field(
        32, description="most requests at a replica at a time; how many is found out by its answers"
    )
    inferred_diagnosis: bool = Field(True, description="write diagnoses that the model concluded")
    minimum_confidence: float = Field(0.0, ge=0, le=1, description="below it a finding is rejected")
    min_confidence: dict[FindingKind, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, description="the same by kind of finding, before minimum_confidence: a table"
    )
    calibration_file: Path | None = Field(
        None, description="makes confidences shares of right answers; from evaluate"
    )


class IntakeSettings(Group):
    """What may be read, and how much of it."""

    allowed_origins: tuple[str, ...] = Field(
        (),
        description="origins (scheme://host:port) attachments may be fetched from, beside the source",
    )
    max_attachment_bytes: PositiveInt = 20 * 2**20
    max_text_characters: PositiveInt = 2_000_000
    fetch_seconds: PositiveFloat = Field(
        60.0, description="how long fetching one attachment may take in all"
    )
    skip_security_labels: tuple[str, ...] = Field(
        ("R", "V"), description="codes of security labels whose reports are skipped"
    )
    triage_file: Path | None = Field(
        None, description="a triage policy (TOML) in place of the one that comes with oncofhir"
    )
    require_cancer: bool = Field(True, description="skip reports without any trigger of oncology")


class ParsingSettings(Group):
    """The child processes that attachments are parsed in; plain UTF-8 text needs none."""

    processes: PositiveInt = 2
    seconds: PositiveFloat = Field(30.0, description="how long one document may be parsed")
    memory_bytes: PositiveInt = Field(
        2 * 2**30, description="address space of a child (enforced on Linux)"
    )
    documents_a_child: PositiveInt = Field(
        500, description="a child is replaced after so many documents"
    )


class RetrySettings(Group):
    """Retries of one report while others succeed. Seconds."""

    attempts: PositiveInt = 5
    first_delay_seconds: PositiveFloat = 0.5
    longest_delay_seconds: PositiveFloat = 30.0
    give_up_seconds: PositiveFloat = Field(
        120.0, description="a report that others overtake is retried at least this long"
    )
    breaker_threshold: PositiveInt = Field(
        5, description="documents that fail in a row before the stream is paused"
    )
    dead_letters_in_a_row: PositiveInt = Field(
        200, description="the worker halts at this many dead letters without a success"
    )
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="the worker halts above this share of the last 1,000 reports"
    )


class HttpSettings(Group):
    """Where the worker answers probes and metrics."""

    host: str = "0.0.0.0"  # noqa: S104 - a pod's probes come from outside
    port: int = Field(8080, ge=0, le=65535)


class LogSettings(Group):
    """How the worker logs."""

    level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    format: str = Field("auto", pattern="^(auto|json|console)$")


class Settings(BaseSettings):
    """All settings of the service, validated together."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    fhir: FhirSettings = FhirSettings()
    model: ModelSettings = ModelSettings()
    intake: IntakeSettings = IntakeSettings()
    parsing: ParsingSettings = ParsingSettings()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    drain_seconds: PositiveFloat = Field(20.0, description="time to finish work after SIGTERM")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(CONFIG_FILE_VARIABLE)
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, *toml)


_OF_ITS_OWN = ("group_id", "phenotype_topic", "outcome_topic", "dead_letter_topic")


def refuse_shared_topics(settings: Settings) -> None:
    """See that a worker in shadow mode shares no output with the one that writes (design, shadow mode).

    Raises:
        SettingsError: a group or an output topic was left at its default; the message names them.
    """
    if settings.fhir.write is not WriteMode.SHADOW:
        return
    default = KafkaSettings()
    shared = [n for n in _OF_ITS_OWN if getattr(settings.kafka, n) == getattr(default, n)]
    if shared:
        names = ", ".join(f"{PREFIX}KAFKA__{name.upper()}" for name in shared)
        raise SettingsError(
            f"{PREFIX}FHIR__WRITE is shadow: give this worker a group and output topics of its own "
            f"({names}), or its rows stand beside those of the worker that writes"
        )


def load() -> Settings:
    """Read the settings from file and environment.

    Raises:
        SettingsError: a key is unknown, a value is invalid or the file cannot be read; the message
            says which and what is expected.
    """
    unknown = sorted(_unknown_variables(os.environ))
    if unknown:
        raise SettingsError(
            f"unknown settings in the environment: {', '.join(unknown)}; "
            "'oncofhir config show' lists the known ones"
        )
    file = os.environ.get(CONFIG_FILE_VARIABLE)
    if file and not Path(file).is_file():
        raise SettingsError(f"{CONFIG_FILE_VARIABLE} names no file: {file}")
    try:
        return Settings()
    except Exception as error:
        raise SettingsError(_described(error)) from error


def _described(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return f"{type(error).__name__} while reading {os.environ.get(CONFIG_FILE_VARIABLE, 'settings')}"
    return "; ".join(
        f"{PREFIX}{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in errors()
    )


def known_variables() -> dict[str, str]:
    """Every variable that is read, with its dotted setting."""
    names: dict[str, str] = {}
    for group, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            for name in field.annotation.model_fields:
                names[f"{PREFIX}{group}__{name}".upper()] = f"{group}.{name}"
        else:
            names[f"{PREFIX}{group}".upper()] = group
    return names


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = known_variables()
    return [
        name
        for name in environment
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and name.upper() not in _BESIDE_SETTINGS
    ]


def shown(settings: Settings) -> list[dict[str, Any]]:
    """Each setting with variable, value and source (default, file or environment), fit to print."""
    rows = []
    in_environment = {name.upper() for name in os.environ}
    for variable, dotted in known_variables().items():
        value: Any = settings
        default: Any = Settings.model_construct()
        for part in dotted.split("."):
            value, default = getattr(value, part), getattr(default, part)
        source = (
            "environment"
            if variable in in_environment
            else "default"
            if value == default
            else "file"
        )
        rows.append({"variable": variable, "value": _printable(value), "source": source})
    return rows


def _printable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "://" in value and "@" in value:
        parts = urlsplit(value)
        return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))
    if isinstance(value, tuple):
        return list(value)
    return value


def read_secret(file: Path | None) -> str | None:
    """The secret in a mounted file, stripped; read on each use so that rotation is seen.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    if file is None:
        return None
    try:
        secret = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the secret file {file}: {error.strerror}") from error
    if not secret:
        raise SettingsError(f"the secret file {file} is empty")
    return secret
