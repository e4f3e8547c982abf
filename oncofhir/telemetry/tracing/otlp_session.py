"""HTTP to the collector: bearer token, certificate authorities, the resource that all signals share."""

import os
import platform
from pathlib import Path

import requests
from opentelemetry.sdk.resources import Resource

from oncofhir import __version__
from oncofhir.settings import SettingsError, TracingSettings
from oncofhir.settings.secrets import read_token

# An export, retries included; a collector that is slower loses spans.
EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 3.0


class _Bearer(requests.auth.AuthBase):
    """Reads the token for each export, so that a rotated one is used."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            request.headers["Authorization"] = f"Bearer {read_token(self._file)}"
        except SettingsError as error:
            raise requests.ConnectionError("the token file cannot be read") from error
        return request


def build_session(settings: TracingSettings) -> requests.Session:
    """A session without proxies and netrc of the environment."""
    session = requests.Session()
    session.trust_env = False
    if settings.token_file is not None:
        session.auth = _Bearer(settings.token_file)
    return session


def certificate_file(settings: TracingSettings) -> str | None:
    """The authorities' file; None: those of `certifi`."""
    return str(settings.ca_file) if settings.ca_file is not None else None


def build_resource() -> Resource:
    """What sends: service name, version and instance. `OTEL_RESOURCE_ATTRIBUTES` adds to them."""
    return Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", "oncofhir"),
            "service.version": __version__,
            "service.instance.id": f"{platform.node()}:{os.getpid()}",
        }
    )
