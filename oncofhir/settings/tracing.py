"""Settings of OpenTelemetry: traces, and metrics over OTLP."""

from pathlib import Path

from pydantic import Field, PositiveFloat

from oncofhir.settings.base import Group, HttpUrl


class TracingSettings(Group):
    """OpenTelemetry over OTLP/HTTP. Off without an endpoint. Needs the extra `tracing`."""

    endpoint: HttpUrl | None = Field(
        None,
        description="Base URL of an OTLP/HTTP collector, such as `http://collector:4318`; `/v1/traces` and "
        "`/v1/metrics` are appended. Unset: no traces.",
    )
    sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of reports that are traced, where the publisher's trace context does not decide.",
    )
    metrics: bool = Field(
        False, description="Also send the metrics of /metrics to the collector, over OTLP."
    )
    metrics_interval_seconds: PositiveFloat = Field(
        60.0, description="Interval of sending metrics to the collector."
    )
    token_file: Path | None = Field(
        None, description="File with a bearer token for the collector; read again when it changes."
    )
    ca_file: Path | None = Field(
        None, description="File with the certificate authorities (PEM) of the collector."
    )
