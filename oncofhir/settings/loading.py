"""All settings together, read from the environment and a TOML file."""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from oncofhir.schemas.error_messages.validation import plain_message
from oncofhir.settings.aliases import (
    VARIABLES,
    keys_in_use,
    rename_keys,
    rename_variables,
    variables_in_use,
)
from oncofhir.settings.base import PREFIX, Group, SettingsError, variable_of, with_full_names
from oncofhir.settings.bridge import BridgeSettings
from oncofhir.settings.fhir import FhirSettings, WriteMode
from oncofhir.settings.ingest.hl7v2 import Hl7v2Settings
from oncofhir.settings.ingest.mllp import MllpSettings
from oncofhir.settings.intake import IntakeSettings, ParsingSettings
from oncofhir.settings.kafka import KafkaSettings
from oncofhir.settings.model import ModelApi, ModelSettings
from oncofhir.settings.operation import HttpSettings, LogSettings, RetrySettings
from oncofhir.settings.review import ReviewSettings, WorklistSettings
from oncofhir.settings.tracing import TracingSettings

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
        allow_inf_nan=False,
    )

    kafka: KafkaSettings = KafkaSettings()
    fhir: FhirSettings = FhirSettings()
    model: ModelSettings = ModelSettings()
    intake: IntakeSettings = IntakeSettings()
    parsing: ParsingSettings = ParsingSettings()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    bridge: BridgeSettings = BridgeSettings()
    hl7v2: Hl7v2Settings = Hl7v2Settings()
    mllp: MllpSettings = MllpSettings()
    worklist: WorklistSettings = WorklistSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
    review: ReviewSettings = ReviewSettings()
    shutdown_timeout_seconds: PositiveFloat = Field(
        20.0,
        description="Time to finish reports after SIGTERM. Unfinished ones are redelivered to another "
        "worker.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if isinstance(env_settings, EnvSettingsSource):
            env_settings.env_vars = rename_variables(env_settings.env_vars)
        file = os.environ.get(CONFIG_FILE_VARIABLE)
        if not file:
            return (init_settings, env_settings)
        content = rename_keys(_content_of(file), file)
        return (init_settings, env_settings, InitSettingsSource(settings_cls, content))


def _content_of(file: str) -> dict[str, Any]:
    with Path(file).open("rb") as opened:
        return tomllib.load(opened)


def refuse_shared_topics(settings: Settings) -> None:
    """Refuse shadow mode with a consumer group or output topics that the writing worker uses too.

    Raises:
        SettingsError: a group or an output topic was left at its default; the message names them.
    """
    if settings.fhir.write is not WriteMode.SHADOW:
        return
    default = KafkaSettings()
    shared = [n for n in _OF_ITS_OWN if getattr(settings.kafka, n) == getattr(default, n)]
    if shared:
        names = ", ".join(variable_of(f"kafka.{name}") for name in shared)
        raise SettingsError(
            f"{PREFIX}FHIR__WRITE is shadow: give this worker its own consumer group and output topics "
            f"({names}), so that its rows do not mix with those of the worker that writes"
        )


def refuse_own_port(settings: Settings) -> None:
    """Refuse a model URL that is the worker's own port: both are port 8080 of this machine by default.

    Raises:
        SettingsError: a model URL is the worker's own port on this machine.
    """
    if settings.model.api is ModelApi.TRANSFORMERS:
        return
    for url in map(urlsplit, settings.model.url.split()):
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.hostname in _THIS_MACHINE and port == settings.http.port:
            raise SettingsError(
                f"set {PREFIX}MODEL__URL to the URL of the model server. Port {port} of this machine is "
                f"the worker's own, for probes and metrics ({PREFIX}HTTP__PORT)"
            )


def load() -> Settings:
    """Read the settings from the TOML file and the environment. Renamed settings are accepted.

    Raises:
        SettingsError: a key is unknown, a value is invalid or the file cannot be read; the message
            names it and what is expected.
    """
    unknown = sorted(_unknown_variables(os.environ))
    if unknown:
        names = ", ".join(map(_with_the_nearest, unknown))
        raise SettingsError(f"unknown settings in the environment: {names}")
    file = os.environ.get(CONFIG_FILE_VARIABLE)
    if file and not Path(file).is_file():
        raise SettingsError(f"file not found: {file} (from {CONFIG_FILE_VARIABLE})")
    try:
        return Settings()
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(_described(error)) from error


def deprecated_in_use() -> tuple[tuple[str, str], ...]:
    """Old names that the environment or the TOML file uses, each with its new name.

    The file must be readable: call `load` first.
    """
    file = os.environ.get(CONFIG_FILE_VARIABLE)
    keys = keys_in_use(_content_of(file)) if file else ()
    return (*variables_in_use(os.environ), *keys)


def _with_the_nearest(name: str) -> str:
    """An unknown variable, with the known one that is spelt most like it."""
    near = _nearest(name)
    return f"{name} (did you mean {near}?)" if near else name


def _nearest(variable: str) -> str | None:
    """The known variable that is spelt most like `variable`, or None."""
    known = [name.removeprefix(PREFIX) for name in known_variables()]
    near = get_close_matches(variable.upper().removeprefix(PREFIX), known, n=1)
    return PREFIX + near[0] if near else None


def _described(error: Exception) -> str:
    file = os.environ.get(CONFIG_FILE_VARIABLE, "settings")
    if isinstance(error, tomllib.TOMLDecodeError):
        return f"not valid TOML: {file}, {_place_in(error)}"
    if isinstance(error, UnicodeDecodeError):
        return f"not valid TOML: {file} is not UTF-8"
    if not_json := list(_not_json(os.environ)):
        return "; ".join(not_json)
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return f"{type(error).__name__} while reading {file}"
    return "; ".join(map(_one_described, errors()))


def _not_json(environment: Mapping[str, str]) -> Iterator[str]:
    """What is needed for each list or object in the environment that is not JSON."""
    needed: dict[Any, str] = {
        list: 'a list in JSON: ["a", "b"]',
        dict: 'an object in JSON: {"key": value}',
    }
    defaults = Settings.model_construct().model_dump(mode="json")
    names = {name.upper(): name for name in environment}
    for variable, dotted in known_variables().items():
        group, _, key = dotted.partition(".")
        kind = type(defaults[group][key] if key else defaults[group])
        if variable in names and kind in needed:
            try:
                json.loads(environment[names[variable]])
            except ValueError:
                yield f"{variable}: must be {needed[kind]}"


def _place_in(error: tomllib.TOMLDecodeError) -> str:
    """Where the file is wrong; the rest of the message may quote it."""
    found = re.search(r"at line \d+, column \d+|at end of document", str(error))
    return found[0] if found else type(error).__name__


def _one_described(error: Mapping[str, Any]) -> str:
    """One error of pydantic as text. An unknown key can only come from the file here."""
    path = [str(part) for part in error["loc"] if part != "[key]"]
    variable = variable_of(".".join(path[:2]))
    if error["type"] == "extra_forbidden":
        *groups, key = (str(part) for part in error["loc"])
        table = f"[{'.'.join(groups)}] " if groups else ""
        near = _nearest(variable)
        meant = f" (did you mean {known_variables()[near]}?)" if near else ""
        return (
            f"{os.environ.get(CONFIG_FILE_VARIABLE, 'settings')}: unknown key {table}{key}{meant}"
        )
    message = plain_message(error)
    field = Settings.model_fields.get(".".join(path))
    if field and isinstance(field.annotation, type) and issubclass(field.annotation, Group):
        # An error of a whole group: its message names the settings.
        named = with_full_names(message, f"{variable}__", field.annotation.model_fields)
        return named if named != message else f"{variable}: {message}"
    return f"{': '.join((variable, *path[2:]))}: {message}"


def known_variables() -> dict[str, str]:
    """Every variable that is read, with its dotted setting. Old names are not included."""
    names: dict[str, str] = {}
    for group, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            for name in field.annotation.model_fields:
                names[variable_of(f"{group}.{name}")] = f"{group}.{name}"
        else:
            names[variable_of(group)] = group
    return names


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = known_variables()
    return [
        name
        for name in environment
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and name.upper() not in VARIABLES
        and name.upper() not in _BESIDE_SETTINGS
    ]
