"""Settings fit to print: value, default, source and description, without secrets or userinfo of URLs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic.fields import FieldInfo

from oncofhir.settings.aliases import VARIABLES
from oncofhir.settings.base import Group
from oncofhir.settings.loading import Settings, known_variables


@dataclass(frozen=True)
class SettingInfo:
    """One setting as the documentation shows it. `default` is None where there is none."""

    variable: str
    dotted: str
    default: Any
    description: str


def setting_infos() -> Iterator[SettingInfo]:
    """Every setting, in the order of the groups."""
    defaults = Settings.model_construct()
    for variable, dotted in known_variables().items():
        yield SettingInfo(
            variable=variable,
            dotted=dotted,
            default=_printable(_value_of(defaults, dotted)),
            description=_field_of(dotted).description or "",
        )


def describe_settings(settings: Settings) -> list[dict[str, Any]]:
    """Each setting with variable, value and source (default, file or environment), fit to print."""
    set_by_variable = {VARIABLES.get(name.upper(), name.upper()) for name in os.environ}
    default = Settings.model_construct()
    rows = []
    for variable, dotted in known_variables().items():
        value = _value_of(settings, dotted)
        if variable in set_by_variable:
            source = "environment"
        else:
            source = "default" if value == _value_of(default, dotted) else "file"
        rows.append({"variable": variable, "value": _printable(value), "source": source})
    return rows


def _value_of(settings: Settings, dotted: str) -> Any:
    value: Any = settings
    for part in dotted.split("."):
        value = getattr(value, part)
    return value


def _field_of(dotted: str) -> FieldInfo:
    group, _, name = dotted.partition(".")
    field = Settings.model_fields[group]
    if name and isinstance(field.annotation, type) and issubclass(field.annotation, Group):
        return field.annotation.model_fields[name]
    return field


def _printable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str) and "://" in value and ("@" in value or "?" in value):
        return " ".join(map(_redacted, value.split()))
    if isinstance(value, tuple):
        return list(value)
    return value


def _redacted(url: str) -> str:
    """A URL without user information and query, where keys and signatures are passed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")
    netloc = f"***@{host[2]}" if host[1] else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, query="***" if parts.query else ""))
