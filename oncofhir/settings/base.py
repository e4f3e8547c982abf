"""Shared by all groups of settings: the base class, the error, and types of values."""

import re
from collections.abc import Container
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

PREFIX = "ONCOFHIR_"


class SettingsError(Exception):
    """The settings are wrong. The message names the keys and contains none of their values."""


def variable_of(dotted: str) -> str:
    """Return the environment variable of a dotted setting: kafka.group_id → ONCOFHIR_KAFKA__GROUP_ID."""
    return PREFIX + dotted.replace(".", "__").upper()


def with_full_names(message: str, prefix: str, fields: Container[str]) -> str:
    """Return the message with `prefix` before each of its upper-case words that names a field: KEY_FILE."""
    return re.sub(
        r"\b[A-Z]+(_[A-Z]+)*\b",
        lambda word: prefix * (word[0].lower() in fields) + word[0],
        message,
    )


def http_url(url: str) -> str:
    """Return an http or https URL without its last slash; raise ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https URL is needed")
    return url.rstrip("/")


def _https_url(url: str) -> str:
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ValueError("an https URL is needed: the client secret is sent there")
    return url


def _brokers(text: str) -> str:
    if not any(part.strip() for part in text.split(",")):
        raise ValueError("host:port of a broker is needed")
    return text


def _topic(name: str) -> str:
    """A topic name as Kafka takes it (org.apache.kafka.common.internals.Topic)."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) or name in {".", ".."}:
        raise ValueError("a topic name has 1 to 249 letters, digits, '.', '_' or '-'")
    return name


TopicName = Annotated[str, AfterValidator(_topic)]
OptionalTopicName = Annotated[TopicName | None, BeforeValidator(lambda name: name or None)]
Brokers = Annotated[str, AfterValidator(_brokers)]
HttpsUrl = Annotated[str, AfterValidator(_https_url)]
HttpUrl = Annotated[str, AfterValidator(http_url)]


class Group(BaseModel):
    """A group of settings. Unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )
