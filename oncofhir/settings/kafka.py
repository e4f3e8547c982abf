"""Settings of the Kafka connection, the topics and the in-flight limits."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from oncofhir.settings.base import Brokers, Group, HttpsUrl, HttpUrl, OptionalTopicName, TopicName


class RowFormat(StrEnum):
    """Encoding of the rows in the output topics."""

    JSON = "json"
    AVRO = "avro"


class KafkaSettings(Group):
    """Settings of the Kafka connection, the topics and the in-flight limits."""

    bootstrap_servers: Brokers = Field(
        "localhost:9092", description="Brokers to connect to first: host:port, separated by commas."
    )
    group_id: str = Field("oncofhir", min_length=1, description="Consumer group of the workers.")
    client_id: str = Field(
        "oncofhir", description="Client id that the broker sees in its logs and quotas."
    )
    diagnostic_report_topic: TopicName = Field(
        "fhir.diagnostic-report", description="Input topic with DiagnosticReport events."
    )
    document_reference_topic: TopicName = Field(
        "fhir.document-reference", description="Input topic with DocumentReference events."
    )
    diagnostic_report_backfill_topic: OptionalTopicName = Field(
        None,
        description="Input topic with old DiagnosticReports. Read only while the live topics are "
        "caught up.",
    )
    document_reference_backfill_topic: OptionalTopicName = Field(
        None,
        description="Input topic with old DocumentReferences. Read only while the live topics are "
        "caught up.",
    )
    backfill_pause_above: NonNegativeInt = Field(
        16,
        description="Pause the backfill topics above this many unprocessed live records of a worker's "
        "partitions; resume at half as many.",
    )
    phenotype_topic: TopicName = Field(
        "oncology.phenotypes", description="Output topic with one row per finding."
    )
    evidence_text: bool = Field(
        default=False,
        description="Whether phenotype rows carry the quoted words of the report, which are PHI; offsets are "
        "always there.",
    )
    outcome_topic: TopicName = Field(
        "oncology.outcomes", description="Output topic with one row per document version."
    )
    dead_letter_topic: TopicName = Field(
        "oncology.dead-letters", description="Output topic for records that cannot be processed."
    )
    row_format: RowFormat = Field(
        RowFormat.JSON,
        description="Encoding of the rows: json, or avro with the framing of a schema registry.",
    )
    schema_registry_url: HttpUrl | None = Field(
        None,
        description="Confluent-compatible schema registry, for rows in Avro: http://registry:8081.",
    )
    schema_registry_username: str | None = Field(
        None, description="User name for the schema registry (HTTP Basic authentication)."
    )
    schema_registry_password_file: Path | None = Field(
        None, description="File with the password for the schema registry."
    )
    schema_registry_token_file: Path | None = Field(
        None, description="File with a bearer token for the schema registry, instead of a user."
    )
    schema_registry_ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for the schema registry. Default: the system's."
    )
    security_protocol: str = Field(
        "PLAINTEXT",
        pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
        description="Protocol of the broker's listener: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
    )
    sasl_mechanism: str | None = Field(
        None,
        pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER)$",
        description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. Needs a SASL protocol.",
    )
    sasl_username: str | None = Field(None, description="User name for PLAIN and SCRAM.")
    sasl_password_file: Path | None = Field(
        None, description="File with the password for PLAIN and SCRAM."
    )
    sasl_oauth_url: HttpsUrl | None = Field(
        None,
        description="Token endpoint for OAUTHBEARER (OAuth 2.0 client credentials grant). "
        "https only.",
    )
    sasl_oauth_client_id: str | None = Field(None, description="Client id for OAUTHBEARER.")
    sasl_oauth_client_secret_file: Path | None = Field(
        None, description="File with the client secret for OAUTHBEARER."
    )
    sasl_oauth_scope: str | None = Field(None, description="Scope to request for OAUTHBEARER.")
    sasl_oauth_ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for the token endpoint. Default: the system's."
    )
    ssl_ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for the broker. Default: the system's."
    )
    ssl_certificate_file: Path | None = Field(
        None, description="Client certificate with its chain (PEM), for mTLS."
    )
    ssl_key_file: Path | None = Field(
        None, description="Private key of the client certificate (PEM)."
    )
    max_in_flight_records: PositiveInt = Field(
        64, description="Records that a worker processes at the same time."
    )
    max_in_flight_bytes: PositiveInt = Field(
        64 * 2**20, description="Bytes of records that a worker holds in memory."
    )
    max_uncommitted_records: PositiveInt = Field(
        1_000,
        description="Records of a partition that may be finished beyond its oldest unfinished one. A "
        "restart reads at most these again.",
    )
    max_request_bytes: PositiveInt = Field(
        16 * 2**20, description="Largest record that the worker produces."
    )
    session_timeout_ms: PositiveInt = Field(
        45_000, description="Consumer group session timeout (Kafka's session.timeout.ms)."
    )
    commit_interval_seconds: PositiveFloat = Field(
        2.0, description="Seconds between two commits of offsets."
    )
    check_topics: bool = Field(
        True,
        description="Check the topics when the worker starts, and exit if one is missing.",
    )

    @property
    def live_topics(self) -> tuple[str, str]:
        return (self.diagnostic_report_topic, self.document_reference_topic)

    @property
    def backfill_topics(self) -> tuple[str, ...]:
        both = (self.diagnostic_report_backfill_topic, self.document_reference_backfill_topic)
        return tuple(topic for topic in both if topic)

    @property
    def input_topics(self) -> tuple[str, ...]:
        """All topics that are consumed; the live ones come first."""
        return (*self.live_topics, *self.backfill_topics)

    @model_validator(mode="after")
    def _backfill_topics_are_separate(self) -> "KafkaSettings":
        others = {
            *self.live_topics,
            self.phenotype_topic,
            self.outcome_topic,
            self.dead_letter_topic,
        }
        if others & set(self.backfill_topics):
            raise ValueError("a backfill topic must differ from all other topics")
        return self

    @model_validator(mode="after")
    def _registry_is_set(self) -> "KafkaSettings":
        if self.row_format is RowFormat.AVRO and self.schema_registry_url is None:
            raise ValueError("ROW_FORMAT avro needs SCHEMA_REGISTRY_URL")
        if (self.schema_registry_username is None) != (self.schema_registry_password_file is None):
            raise ValueError(
                "SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD_FILE go together"
            )
        if self.schema_registry_username is not None and self.schema_registry_token_file:
            raise ValueError("SCHEMA_REGISTRY_USERNAME excludes SCHEMA_REGISTRY_TOKEN_FILE")
        return self

    @model_validator(mode="after")
    def _login_fits(self) -> "KafkaSettings":
        """Refuse a mechanism that the protocol ignores: the connection would not be authenticated."""
        has_sasl = self.security_protocol.startswith("SASL_")
        if self.sasl_mechanism is not None and not has_sasl:
            raise ValueError("SASL_MECHANISM needs SECURITY_PROTOCOL SASL_SSL or SASL_PLAINTEXT")
        if self.sasl_mechanism is None and has_sasl:
            raise ValueError("SECURITY_PROTOCOL SASL_… needs SASL_MECHANISM")
        return self
