"""Settings fit to print: no secret, no userinfo of a URL."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from oncofhir.settings.loading import Settings, known_variables


def shown(settings: Settings) -> list[dict[str, Any]]:
    """Each setting with variable, value and source (default, file or environment), fit to print."""
    rows = []
    in_environment = {name.upper() for name in os.environ}
    for variable, dotted in known_variables().items():
        value: Any = settings
        default: Any = Settings.model_construct()
        for part in dotted.split("."):
            value, default = getattr(value, part), getattr(default, part)
        source = (
            "environment"
            if variable in in_environment
            else "default"
            if value == default
            else "file"
        )
        rows.append({"variable": variable, "value": _printable(value), "source": source})
    return rows


def _printable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "://" in value and "@" in value:
        parts = urlsplit(value)
        return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))
    if isinstance(value, tuple):
        return list(value)
    return value
