"""Settings of the FHIR server that is written to, and of the source of the reports."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from oncofhir.schemas.error_messages.validation import plain_message
from oncofhir.settings.base import Group, HttpUrl, with_full_names


class Transactions(StrEnum):
    """Whether a report's findings are written in one transaction."""

    AUTO = "auto"
    NEVER = "never"


class WriteMode(StrEnum):
    """Whether findings are written to the store, or only published (design, shadow mode)."""

    STORE = "store"
    SHADOW = "shadow"


# The statuses of a reviewed resource (`final`, `amended`; `confirmed`, `refuted`) are no choices: nothing
# that oncofhir writes has been reviewed. Source: R4 observation-status, condition-ver-status; US Core 6.1.0,
# us-core-condition-problems-health-concerns, `category:us-core` (required).
class ObservationStatus(StrEnum):
    """`Observation.status` of an unreviewed, machine-asserted finding."""

    PRELIMINARY = "preliminary"
    REGISTERED = "registered"


class VerificationStatus(StrEnum):
    """`Condition.verificationStatus` of an unreviewed, machine-asserted finding."""

    UNCONFIRMED = "unconfirmed"
    PROVISIONAL = "provisional"
    DIFFERENTIAL = "differential"


class ConditionCategory(StrEnum):
    """`Condition.category`: the mCODE profiles require one of the two."""

    HEALTH_CONCERN = "health-concern"
    PROBLEM_LIST_ITEM = "problem-list-item"


class ConfidenceOutput(StrEnum):
    """Which confidence the resources carry (AI Transparency IG, extension AIconfidence)."""

    ALWAYS = "always"
    CALIBRATED = "calibrated"
    NEVER = "never"


class StagingSystem(StrEnum):
    """Staging system (mCODE 4.0.0, mcode-tnm-staging-method-vs)."""

    AJCC_6 = "ajcc-6"
    AJCC_7 = "ajcc-7"
    AJCC_8 = "ajcc-8"
    AJCC_9 = "ajcc-9"
    UICC = "uicc"


class FhirCredentials(Group):
    """Credentials for one FHIR server: a token file or SMART Backend Services, and TLS."""

    token_file: Path | None = None
    token_url: HttpUrl | None = None
    token_audience: str | None = None
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
        if not self.client_id and (self.token_url or self.token_audience or self.key_id):
            raise ValueError(
                "TOKEN_URL, TOKEN_AUDIENCE and KEY_ID need CLIENT_ID and PRIVATE_KEY_FILE"
            )
        if self.key_file and not self.cert_file:
            raise ValueError("KEY_FILE needs CERT_FILE")
        return self


class FhirSettings(Group):
    """The FHIR server that findings are written to (the store), and the one that reports are read from.

    The `source_…` credentials are for a source on another server; without them, requests to it carry none.
    """

    base_url: HttpUrl = Field(
        "http://localhost:8090/fhir", description="Base URL of the FHIR R4 server to write to."
    )
    source_base_url: HttpUrl | None = Field(
        None, description="Base URL of the FHIR server to read reports from. Default: base_url."
    )
    token_file: Path | None = Field(
        None, description="File with a bearer token, which something else renews."
    )
    token_url: HttpUrl | None = Field(
        None,
        description="OAuth 2.0 token endpoint. Default: as base_url/.well-known/smart-configuration "
        "says.",
    )
    token_audience: str | None = Field(
        None,
        description="Audience (aud) of the signed assertion, for a token endpoint that expects another than "
        "its own address. Default: token_url.",
    )
    client_id: str | None = Field(None, description="Client id for SMART Backend Services.")
    private_key_file: Path | None = Field(
        None,
        description="Private key (PEM or JWK) for SMART Backend Services. RSA signs with RS384, P-384 "
        "with ES384.",
    )
    key_id: str | None = Field(None, description="Key id (kid) of the registered public key.")
    scopes: str = Field(
        "system/*.cruds", description="Scopes to request for SMART Backend Services."
    )
    ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for the server. Default: the system's."
    )
    cert_file: Path | None = Field(
        None, description="Client certificate with its chain (PEM), for mTLS."
    )
    key_file: Path | None = Field(
        None, description="Private key of the client certificate, if cert_file does not hold it."
    )
    source_token_file: Path | None = Field(None, description="As token_file, for the source.")
    source_token_url: HttpUrl | None = Field(None, description="As token_url, for the source.")
    source_token_audience: str | None = Field(
        None, description="As token_audience, for the source."
    )
    source_client_id: str | None = Field(None, description="As client_id, for the source.")
    source_private_key_file: Path | None = Field(
        None, description="As private_key_file, for the source."
    )
    source_key_id: str | None = Field(None, description="As key_id, for the source.")
    source_scopes: str = Field("system/*.rs", description="As scopes, for the source.")
    source_ca_file: Path | None = Field(None, description="As ca_file, for the source.")
    source_cert_file: Path | None = Field(None, description="As cert_file, for the source.")
    source_key_file: Path | None = Field(None, description="As key_file, for the source.")
    identifier_system: str = Field(
        "https://oncofhir.example.org/sid",
        description="Prefix of the identifier systems of everything that is written. Set it to a URI "
        "that you own before the first write; a later change duplicates every resource.",
    )
    source_name: str = Field(
        "ehr", description="Name of the source in the identity of its documents."
    )
    organization: str = Field(
        "oncofhir operator",
        description="Who is responsible for the service: Provenance.agent.onBehalfOf.",
    )
    write: WriteMode = Field(
        WriteMode.STORE,
        description="store: write findings to the FHIR server. shadow: only publish rows, to a consumer "
        "group and output topics of its own.",
    )
    references: Literal["same", "absolute", "identifier"] = Field(
        "same",
        description="How written resources refer to resources of the source: same (the same relative "
        "reference), absolute (URL at the source) or identifier (that URL as an identifier).",
    )
    observation_status: ObservationStatus = Field(
        ObservationStatus.PRELIMINARY,
        description="Observation.status until a human reviews it: preliminary or registered.",
    )
    verification_status: VerificationStatus = Field(
        VerificationStatus.UNCONFIRMED,
        description="Condition.verificationStatus until a human reviews it: unconfirmed, provisional or "
        "differential.",
    )
    condition_category: ConditionCategory = Field(
        ConditionCategory.HEALTH_CONCERN,
        description="Condition.category: health-concern or problem-list-item. The second shows "
        "unreviewed diagnoses on the problem list.",
    )
    staging_system: StagingSystem | None = Field(
        None,
        description="Staging system of reports that name none: ajcc-6, ajcc-7, ajcc-8, ajcc-9 or uicc. "
        "Default: none, and such stages are written as text without a code.",
    )
    confidence: ConfidenceOutput = Field(
        ConfidenceOutput.ALWAYS,
        description="Confidence in the resources (extension AIconfidence): always, calibrated (only if "
        "ONCOFHIR_MODEL__CALIBRATION_FILE applies) or never. A calibrated one is a decimal, another one a "
        "text that names it a token probability.",
    )
    transactions: Transactions = Field(
        Transactions.AUTO,
        description="auto: one transaction per report if the server supports transactions, else one "
        "request per resource. never: always one request per resource.",
    )
    max_transaction_entries: PositiveInt | None = Field(
        None,
        description="Most entries of a transaction; a report that needs more is dead-lettered.",
    )
    read_current: bool | None = Field(
        None,
        description="Read the source's current version before processing an event. Default: true if "
        "source_base_url is set.",
    )
    timeout_seconds: PositiveFloat = Field(30.0, description="Time limit of one request.")
    max_connections: PositiveInt = Field(
        16, description="Most requests at one FHIR server at a time."
    )

    @property
    def credentials(self) -> FhirCredentials:
        """Credentials for the store."""
        return self._credentials("")

    @property
    def source_credentials(self) -> FhirCredentials:
        """Credentials for the source, if it is another server."""
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
                message = plain_message(error.errors()[0])
                fields = FhirCredentials.model_fields
                raise ValueError(with_full_names(message, prefix.upper(), fields)) from error
        return self
