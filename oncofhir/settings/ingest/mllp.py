"""Settings of the MLLP listener of `oncofhir bridge --mllp`."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from oncofhir.settings.base import Group


class MllpSettings(Group):
    """The listener for HL7 v2 messages. How messages are read: ONCOFHIR_HL7V2__*."""

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - the sender connects from outside
        description="Address to listen on for HL7 v2 messages.",
    )
    port: int = Field(2575, ge=0, le=65535, description="Port for HL7 v2 messages.")
    tls_cert_file: Path | None = Field(
        None, description="Certificate of the listener with its chain (PEM). Default: no TLS."
    )
    tls_key_file: Path | None = Field(
        None, description="Private key of tls_cert_file, if that file does not hold it."
    )
    tls_client_ca_file: Path | None = Field(
        None,
        description="CA certificates (PEM) of the senders. Set it to demand a client certificate (mTLS).",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Accept messages without a client certificate, for example in a network of its own.",
    )
    max_message_bytes: PositiveInt = Field(
        8 * 2**20, description="Largest message; a larger one is answered with AR."
    )
    message_timeout_seconds: PositiveFloat = Field(
        30.0, description="Time limit for the arrival of a message, from its first byte."
    )
    idle_timeout_seconds: PositiveFloat = Field(
        3600.0, description="A connection is closed after this time without a message."
    )
    max_connections: PositiveInt = Field(64, description="Most connections at a time.")
    processing_ids: str = Field(
        "P",
        pattern=r"^[A-Z](?: [A-Z])*$",
        description="Processing ids (MSH-11) that are accepted, separated by blanks: P (production), T "
        "(training), D (debugging). A message without one is accepted.",
    )

    @model_validator(mode="after")
    def _files_fit(self) -> "MllpSettings":
        if (self.tls_key_file or self.tls_client_ca_file) and not self.tls_cert_file:
            raise ValueError("TLS_KEY_FILE and TLS_CLIENT_CA_FILE need TLS_CERT_FILE")
        return self
