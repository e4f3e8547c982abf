"""The settings of a command: read, or an exit status and what is wrong with them."""

from typing import TYPE_CHECKING

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.output import note

if TYPE_CHECKING:
    from oncofhir.settings import Settings


def settings_or_exit() -> "Settings":
    """Return the settings. Exit with status 2 if they are wrong; warn on stderr of renamed ones."""
    from oncofhir.settings import SettingsError, deprecated_in_use, load

    try:
        settings = load()
    except SettingsError as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    for old, new in deprecated_in_use():
        note(f"{old} was renamed to {new}; the old name still works: change it")
    return settings
