"""What all groups of settings share: how they are validated, and the types of their values."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict


class SettingsError(Exception):
    """The settings are wrong; the message names the keys and holds none of their values."""


def http_url(url: str) -> str:
    """An http or https URL without its last slash; ValueError for another."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https URL is needed")
    return url.rstrip("/")


def _https_url(url: str) -> str:
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ValueError("an https URL is needed: a client's secret is sent there")
    return url


HttpsUrl = Annotated[str, AfterValidator(_https_url)]
HttpUrl = Annotated[str, AfterValidator(http_url)]


class Group(BaseModel):
    """A group of settings; unknown names in it are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
