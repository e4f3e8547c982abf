"""The clinical data store and the source of the reports."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from oncofhir.settings.base import Group, HttpUrl


class Transactions(StrEnum):
    """Whether a report's findings are written in one transaction."""

    AUTO = "auto"
    NEVER = "never"


class WriteMode(StrEnum):
    """Whether findings are written to the store, or only published (design, shadow mode)."""

    STORE = "store"
    SHADOW = "shadow"


# What a reviewer would say (`final`, `amended`; `confirmed`, `refuted`) is not among what may be chosen:
# nothing that we write has been reviewed. Source: R4 observation-status, condition-ver-status; US Core 6.1.0,
# us-core-condition-problems-health-concerns, `category:us-core` (required).
class ObservationStatus(StrEnum):
    """`Observation.status` of what a machine said and nobody has reviewed."""

    PRELIMINARY = "preliminary"
    REGISTERED = "registered"


class VerificationStatus(StrEnum):
    """`Condition.verificationStatus` of what a machine said and nobody has reviewed."""

    UNCONFIRMED = "unconfirmed"
    PROVISIONAL = "provisional"
    DIFFERENTIAL = "differential"


class ConditionCategory(StrEnum):
    """Where a Condition shows: mCODE's profiles demand one of the two."""

    HEALTH_CONCERN = "health-concern"
    PROBLEM_LIST_ITEM = "problem-list-item"


class StagingSystem(StrEnum):
    """By whose system stages are written (mCODE 4.0.0, mcode-tnm-staging-method-vs)."""

    AJCC_6 = "ajcc-6"
    AJCC_7 = "ajcc-7"
    AJCC_8 = "ajcc-8"
    AJCC_9 = "ajcc-9"
    UICC = "uicc"


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
    observation_status: ObservationStatus = Field(
        ObservationStatus.PRELIMINARY,
        description="status of the Observations, until a human reviews them: preliminary or registered",
    )
    verification_status: VerificationStatus = Field(
        VerificationStatus.UNCONFIRMED,
        description="verificationStatus of the Conditions, until a human reviews them: unconfirmed, "
        "provisional or differential",
    )
    condition_category: ConditionCategory = Field(
        ConditionCategory.HEALTH_CONCERN,
        description="category of the Conditions: health-concern, or problem-list-item, which shows them "
        "on the problem list unreviewed",
    )
    staging_system: StagingSystem | None = Field(
        None,
        description="by whose system stages are where the report names none: ajcc-6, ajcc-7, ajcc-8, "
        "ajcc-9 or uicc; default: no one's, and they are written as text",
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
