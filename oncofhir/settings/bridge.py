"""Settings of `oncofhir bridge`, which takes in FHIR Subscription notifications."""

import re
from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from oncofhir.settings.base import Group, HttpUrl

_SUBSCRIPTION = re.compile(
    r"(?P<name>[A-Za-z0-9\-.]{1,64})(?:=(?P<reference>Subscription/[A-Za-z0-9\-.]{1,64}))?"
)


class BridgeSettings(Group):
    """The HTTP endpoint that FHIR servers notify. Probes and metrics are served on ONCOFHIR_HTTP__PORT."""

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - the FHIR server calls from outside
        description="Address to listen on for notifications.",
    )
    port: int = Field(8095, ge=0, le=65535, description="Port for notifications.")
    url: HttpUrl | None = Field(
        None,
        description="URL at which the FHIR server reaches the bridge; it is written into the "
        "Subscriptions that `oncofhir subscribe` creates.",
    )
    subscriptions: str = Field(
        "oncofhir-reports oncofhir-documents",
        description="Subscriptions whose notifications are accepted, separated by blanks: NAME, or "
        "NAME=Subscription/ID where the FHIR server assigned the id. Their endpoint is "
        "URL/subscriptions/NAME.",
    )
    secret_file: Path | None = Field(
        None,
        description="File with the shared secret that a notification must carry; several lines are several "
        "valid secrets, for a rotation.",
    )
    secret_header: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9\-]{1,64}$",
        description="Header that carries the shared secret. In Authorization it follows the word Bearer.",
    )
    oauth_issuer: str | None = Field(
        None, description="Issuer (iss) of the access tokens (JWT) that a notification may carry."
    )
    oauth_audience: str | None = Field(
        None, description="Audience (aud) that an access token must name."
    )
    oauth_scope: str | None = Field(
        None, description="Scope that an access token must hold. Default: any."
    )
    oauth_jwks_url: HttpUrl | None = Field(
        None, description="Public keys of the issuer (JWK Set), which sign the access tokens."
    )
    oauth_ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for oauth_jwks_url. Default: the system's."
    )
    tls_cert_file: Path | None = Field(
        None, description="Certificate of the bridge with its chain (PEM). Default: no TLS."
    )
    tls_key_file: Path | None = Field(
        None, description="Private key of tls_cert_file, if that file does not hold it."
    )
    tls_client_ca_file: Path | None = Field(
        None,
        description="CA certificates (PEM) of the clients. Set it to demand a client certificate (mTLS).",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Accept notifications without any authentication, for example behind a gateway that "
        "authenticates.",
    )
    max_body_bytes: PositiveInt = Field(
        8 * 2**20, description="Largest notification; a larger one is answered with 413."
    )
    body_timeout_seconds: PositiveFloat = Field(
        20.0, description="Time limit for the arrival of a notification's body."
    )
    header_timeout_seconds: PositiveFloat = Field(
        5.0, description="Time limit for the arrival of a request's header."
    )
    max_connections: PositiveInt = Field(512, description="Most connections at a time.")
    publish_timeout_seconds: PositiveFloat = Field(
        10.0,
        description="Time for the broker to acknowledge an event; after it the sender is answered with 503.",
    )
    retry_after_seconds: PositiveInt = Field(
        5, description="Retry-After of an answer with 503, in seconds."
    )
    max_pending_bytes: PositiveInt = Field(
        64 * 2**20,
        description="Bytes of notifications that may arrive at a time, and of events that may wait for the "
        "broker; further ones are answered with 503.",
    )
    catch_up: bool = Field(
        default=True,
        description="Ask the FHIR server (ONCOFHIR_FHIR__SOURCE_BASE_URL, or BASE_URL) for events that did "
        "not arrive.",
    )
    gap_wait_seconds: NonNegativeFloat = Field(
        5.0,
        description="Time that a missing event number may still arrive before it is asked for.",
    )
    search_interval_seconds: PositiveFloat = Field(
        300.0,
        description="Interval of the searches for reports of which no notification arrived, for "
        "Subscriptions without event numbers (R4).",
    )

    @property
    def subscription_references(self) -> dict[str, str]:
        """The accepted Subscriptions: the reference of each by its name in the endpoint."""
        found = [_SUBSCRIPTION.fullmatch(item) for item in self.subscriptions.split()]
        return {m["name"]: m["reference"] or f"Subscription/{m['name']}" for m in found if m}

    @model_validator(mode="after")
    def _subscriptions_are_valid(self) -> "BridgeSettings":
        items = self.subscriptions.split()
        if not all(_SUBSCRIPTION.fullmatch(item) for item in items):
            raise ValueError(
                "SUBSCRIPTIONS: each item is NAME or NAME=Subscription/ID, with letters, digits, - and ."
            )
        if len(self.subscription_references) < len(items):
            raise ValueError("SUBSCRIPTIONS: a name is given more than once")
        return self

    @model_validator(mode="after")
    def _credentials_fit(self) -> "BridgeSettings":
        if bool(self.oauth_jwks_url) != bool(self.oauth_issuer and self.oauth_audience):
            raise ValueError("OAUTH_ISSUER, OAUTH_AUDIENCE and OAUTH_JWKS_URL belong together")
        if (self.tls_key_file or self.tls_client_ca_file) and not self.tls_cert_file:
            raise ValueError("TLS_KEY_FILE and TLS_CLIENT_CA_FILE need TLS_CERT_FILE")
        return self

    @property
    def authenticates(self) -> bool:
        """Whether a notification must prove where it comes from."""
        return bool(self.secret_file or self.oauth_jwks_url or self.tls_client_ca_file)
