"""Exit statuses of every command (contract, "Output of commands"), and how an error becomes one."""

from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

import typer

from oncofhir.cli.output import note

if TYPE_CHECKING:
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError


class ExitStatus(IntEnum):
    """The exit statuses that a script may rely on."""

    OK = 0
    WRONG_RESULT = 1
    WRONG_USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


def fail(message: str, status: ExitStatus) -> NoReturn:
    """Exit with one line on stderr that names the problem and the remedy."""
    note(message)
    raise typer.Exit(status)


def exit_with_error(error: "OncofhirError | SettingsError", then: str = "") -> NoReturn:
    """Exit because of an error: one line on stderr with the setting to check, followed by `then`."""
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.schemas.reasons import Reason

    settings = {
        Reason.BROKER_UNREACHABLE: "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS",
        Reason.MODEL_UNREACHABLE: "ONCOFHIR_MODEL__URL",
        Reason.STORE_UNREACHABLE: "ONCOFHIR_FHIR__BASE_URL",
        Reason.REGISTRY_UNREACHABLE: "ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL",
    }
    parts = [str(error)]
    if isinstance(error, OncofhirError) and error.reason in settings:
        parts.append(f"check {settings[error.reason]}")
    fail("; ".join((*parts, *([then] if then else []))), status_of(error))


def status_of(error: "OncofhirError | SettingsError") -> ExitStatus:
    """The exit status for an error of a dependency, of the settings or of the input."""
    from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnsuitableServer
    from oncofhir.settings import SettingsError

    if isinstance(error, SettingsError):
        return ExitStatus.WRONG_USAGE
    if isinstance(error, DependencyUnavailable | AccessDenied | UnsuitableServer):
        return ExitStatus.UNREACHABLE
    return ExitStatus.WRONG_RESULT
