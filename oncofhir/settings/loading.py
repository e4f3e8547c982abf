"""All settings together, read from the environment and a TOML file."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from oncofhir.settings.base import Group, SettingsError
from oncofhir.settings.fhir import FhirSettings, WriteMode
from oncofhir.settings.intake import IntakeSettings, ParsingSettings
from oncofhir.settings.kafka import KafkaSettings
from oncofhir.settings.model import ModelApi, ModelSettings
from oncofhir.settings.operation import HttpSettings, LogSettings, RetrySettings

PREFIX = "ONCOFHIR_"
CONFIG_FILE_VARIABLE = "ONCOFHIR_CONFIG"
_BESIDE_SETTINGS = {CONFIG_FILE_VARIABLE}
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104 - compared, not listened on
_OF_ITS_OWN = ("group_id", "phenotype_topic", "outcome_topic", "dead_letter_topic")


class Settings(BaseSettings):
    """All settings of the service, validated together."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    fhir: FhirSettings = FhirSettings()
    model: ModelSettings = ModelSettings()
    intake: IntakeSettings = IntakeSettings()
    parsing: ParsingSettings = ParsingSettings()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    drain_seconds: PositiveFloat = Field(20.0, description="time to finish work after SIGTERM")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(CONFIG_FILE_VARIABLE)
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, *toml)


def refuse_shared_topics(settings: Settings) -> None:
    """See that a worker in shadow mode shares no output with the one that writes (design, shadow mode).

    Raises:
        SettingsError: a group or an output topic was left at its default; the message names them.
    """
    if settings.fhir.write is not WriteMode.SHADOW:
        return
    default = KafkaSettings()
    shared = [n for n in _OF_ITS_OWN if getattr(settings.kafka, n) == getattr(default, n)]
    if shared:
        names = ", ".join(f"{PREFIX}KAFKA__{name.upper()}" for name in shared)
        raise SettingsError(
            f"{PREFIX}FHIR__WRITE is shadow: give this worker a group and output topics of its own "
            f"({names}), or its rows stand beside those of the worker that writes"
        )


def refuse_own_port(settings: Settings) -> None:
    """See that the worker does not take itself for the model server: both are on port 8080 by default.

    Raises:
        SettingsError: a model URL is the worker's own port on this machine.
    """
    if settings.model.api is ModelApi.TRANSFORMERS:
        return
    for url in map(urlsplit, settings.model.url.split()):
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.hostname in _THIS_MACHINE and port == settings.http.port:
            raise SettingsError(
                f"{PREFIX}MODEL__URL is the worker's own port: say where the model server is, or move the "
                f"worker's probes and metrics with {PREFIX}HTTP__PORT"
            )


def load() -> Settings:
    """Read the settings from file and environment.

    Raises:
        SettingsError: a key is unknown, a value is invalid or the file cannot be read; the message
            says which and what is expected.
    """
    unknown = sorted(_unknown_variables(os.environ))
    if unknown:
        said = ", ".join(map(_with_the_nearest, unknown))
        raise SettingsError(f"unknown settings in the environment: {said}")
    file = os.environ.get(CONFIG_FILE_VARIABLE)
    if file and not Path(file).is_file():
        raise SettingsError(f"{CONFIG_FILE_VARIABLE} names no file: {file}")
    try:
        return Settings()
    except Exception as error:
        raise SettingsError(_described(error)) from error


def _with_the_nearest(name: str) -> str:
    """An unknown variable, and the known one that was probably meant."""
    near = _nearest(name)
    return f"{name} (did you mean {near}?)" if near else name


def _nearest(variable: str) -> str | None:
    """The known variable that is spelt most like another, if one is."""
    known = [name.removeprefix(PREFIX) for name in known_variables()]
    near = get_close_matches(variable.upper().removeprefix(PREFIX), known, n=1)
    return PREFIX + near[0] if near else None


def _described(error: Exception) -> str:
    file = os.environ.get(CONFIG_FILE_VARIABLE, "settings")
    if isinstance(error, TOMLDecodeError):
        return f"{file} is no TOML: {_place_in(error)}"
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return f"{type(error).__name__} while reading {file}"
    return "; ".join(map(_one_described, errors()))


def _place_in(error: TOMLDecodeError) -> str:
    """Where the file is wrong; the rest of the message may quote it."""
    found = re.search(r"at line \d+, column \d+|at end of document", str(error))
    return found[0] if found else type(error).__name__


def _one_described(error: Mapping[str, Any]) -> str:
    """What pydantic says of one setting; of the unknown only the file's are left here."""
    variable = f"{PREFIX}{'__'.join(str(part) for part in error['loc']).upper()}"
    if error["type"] == "extra_forbidden":
        *groups, key = (str(part) for part in error["loc"])
        table = f"[{'.'.join(groups)}] " if groups else ""
        near = _nearest(variable)
        meant = f" (did you mean {known_variables()[near]}?)" if near else ""
        return (
            f"{os.environ.get(CONFIG_FILE_VARIABLE, 'settings')}: unknown key {table}{key}{meant}"
        )
    return f"{variable}: {error['msg'].removeprefix('Value error, ')}"


def known_variables() -> dict[str, str]:
    """Every variable that is read, with its dotted setting."""
    names: dict[str, str] = {}
    for group, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            for name in field.annotation.model_fields:
                names[f"{PREFIX}{group}__{name}".upper()] = f"{group}.{name}"
        else:
            names[f"{PREFIX}{group}".upper()] = group
    return names


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = known_variables()
    return [
        name
        for name in environment
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and name.upper() not in _BESIDE_SETTINGS
    ]
