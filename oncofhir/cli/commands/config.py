"""`oncofhir config show`: every setting, its value and where it came from."""

from typing import Annotated

import typer
from rich.table import Table

from oncofhir.cli.exit_status import Exit, fail
from oncofhir.cli.output import console, json_line, wants_tables
from oncofhir.settings import Settings, SettingsError, load, shown

app = typer.Typer(no_args_is_help=True, help="What the service is set to.")


def settings_or_exit() -> Settings:
    """The settings, or exit status 2 with what is wrong with them."""
    try:
        return load()
    except SettingsError as error:
        fail(str(error), Exit.WRONG_USAGE)


@app.callback()
def config() -> None:
    """What the service is set to."""


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print all settings with their source. Secrets are files: only their paths are shown.

    Settings come from the environment (ONCOFHIR_<GROUP>__<NAME>) and from the TOML file that
    ONCOFHIR_CONFIG names; the environment wins.
    """
    rows = shown(settings_or_exit())
    if not wants_tables(as_json):
        for row in rows:
            json_line(row)
        return
    table = Table("setting", "value", "source")
    for row in rows:
        table.add_row(row["variable"], str(row["value"]), row["source"])
    console().print(table)
