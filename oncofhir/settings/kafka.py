"""The broker, the topics and how much is in flight."""

from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from oncofhir.settings.base import Group, HttpsUrl


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

    @model_validator(mode="after")
    def _login_fits(self) -> "KafkaSettings":
        """A mechanism that the protocol passes over would leave the broker without a login."""
        has_sasl = self.security_protocol.startswith("SASL_")
        if self.sasl_mechanism is not None and not has_sasl:
            raise ValueError("SASL_MECHANISM needs SECURITY_PROTOCOL SASL_SSL or SASL_PLAINTEXT")
        if self.sasl_mechanism is None and has_sasl:
            raise ValueError("SECURITY_PROTOCOL SASL_… needs SASL_MECHANISM")
        return self
