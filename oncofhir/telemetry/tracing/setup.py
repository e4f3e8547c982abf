"""Turns the settings into a tracer; without an endpoint there is none, and the SDK is not imported."""

from collections.abc import Iterator
from contextlib import contextmanager

from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import SettingsError, TracingSettings
from oncofhir.settings.extras import install_hint
from oncofhir.settings.secrets import read_token


@contextmanager
def tracing(settings: TracingSettings) -> Iterator[Tracer]:
    """Yield a tracer. At the end, spans are sent for at most a few seconds.

    Raises:
        SettingsError: the extra `tracing` is not installed, or a file cannot be read.
    """
    if settings.endpoint is None:
        if settings.metrics:
            raise SettingsError("ONCOFHIR_TRACING__METRICS needs ONCOFHIR_TRACING__ENDPOINT")
        yield NO_TRACING
        return
    check_installed()
    from oncofhir.telemetry.tracing.otlp_tracer import OtlpTracer  # noqa: PLC0415 - an extra

    read_token(settings.token_file)  # a mistake shows at the start
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise SettingsError(f"ONCOFHIR_TRACING__CA_FILE: file not found: {settings.ca_file}")
    tracer = OtlpTracer(settings)
    try:
        yield tracer
    finally:
        tracer.close()


def check_installed() -> None:
    """Check that the SDK is installed.

    Raises:
        SettingsError: it is not; the message has the remedy.
    """
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: PLC0415
        import opentelemetry.sdk.trace  # noqa: F401, PLC0415
    except ImportError as error:
        raise SettingsError(
            f"ONCOFHIR_TRACING__ENDPOINT is set and {error.name} is not installed. "
            f"{install_hint('tracing')}; or unset it"
        ) from error
