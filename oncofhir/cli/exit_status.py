"""Exit statuses of every command (contract, "Output of commands"), and how an error becomes one."""

from enum import IntEnum
from typing import NoReturn

import typer

from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0
    WRONG_RESULT = 1
    WRONG_USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


def fail(message: str, status: Exit) -> NoReturn:
    """End the command with one line on stderr that says what to do."""
    typer.echo(f"oncofhir: {message}", err=True)
    raise typer.Exit(status)


_SETTINGS = {
    Reason.BROKER_UNREACHABLE: "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS",
    Reason.MODEL_UNREACHABLE: "ONCOFHIR_MODEL__URL",
    Reason.STORE_UNREACHABLE: "ONCOFHIR_FHIR__BASE_URL",
}


def give_up(error: OncofhirError | SettingsError, then: str = "") -> NoReturn:
    """End the command because of an error: one line on stderr, with the setting to look at, and `then`."""
    said = [str(error)]
    if isinstance(error, OncofhirError) and error.reason in _SETTINGS:
        said.append(f"check {_SETTINGS[error.reason]}")
    fail("; ".join((*said, *([then] if then else []))), status_of(error))


def status_of(error: OncofhirError | SettingsError) -> Exit:
    """The exit status that an error of a dependency, of the settings or of the input means."""
    if isinstance(error, SettingsError):
        return Exit.WRONG_USAGE
    if isinstance(error, DependencyUnavailable | AccessDenied | UnsuitableServer):
        return Exit.UNREACHABLE
    return Exit.WRONG_RESULT
