"""`oncofhir config show` and `config example`: the effective configuration, and a file to start from."""

import json
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from oncofhir.cli.exit_status import Exit, fail
from oncofhir.cli.output import console, json_line, wants_tables
from oncofhir.settings import (
    Settings,
    SettingsError,
    deprecated_in_use,
    describe_settings,
    example_file,
    load,
    setting_infos,
)

app = typer.Typer(no_args_is_help=True)


def settings_or_exit() -> Settings:
    """Return the settings. Exit with status 2 if they are wrong; warn on stderr of renamed ones."""
    try:
        settings = load()
    except SettingsError as error:
        fail(str(error), Exit.WRONG_USAGE)
    for old, new in deprecated_in_use():
        typer.echo(
            f"oncofhir: {old} was renamed to {new}; the old name still works: change it", err=True
        )
    return settings


@app.callback()
def config() -> None:
    """Show the effective configuration, or print a configuration file to start from.

    Example: oncofhir config show
    """


@app.command()
def show(
    describe: Annotated[
        bool, typer.Option("--describe", help="Add the description and the default.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines also on a terminal.")
    ] = False,
) -> None:
    """Print every setting with its value and source: default, file or environment.

    Settings come from environment variables (ONCOFHIR_<GROUP>__<NAME>) and from the TOML file that
    ONCOFHIR_CONFIG names. The environment wins. Secrets are files: only their paths are printed.

    Example: ONCOFHIR_KAFKA__GROUP_ID=pathology oncofhir config show --describe

    Exit status: 2 a setting is wrong.
    """
    rows = describe_settings(settings_or_exit())
    if describe:
        infos = {info.variable: info for info in setting_infos()}
        rows = [
            row
            | {
                "default": infos[row["variable"]].default,
                "description": infos[row["variable"]].description,
            }
            for row in rows
        ]
    if not wants_tables(as_json):
        for row in rows:
            json_line(row)
        return
    console().print(Group(*(_entry(row) for row in rows)))


@app.command()
def example() -> None:
    """Print a TOML configuration file: every setting with its description, commented out.

    Example: oncofhir config example > oncofhir.toml && export ONCOFHIR_CONFIG=oncofhir.toml
    """
    typer.echo(example_file(), nl=False)


def _entry(row: dict[str, Any]) -> Group:
    """One setting for a person: its assignment, and below it the description if there is one."""
    value = "(not set)" if row["value"] is None else _written(row["value"])
    source = "" if row["source"] == "default" else f"  [{row['source']}]"
    line = Text.assemble((row["variable"], "bold"), f"={value}", (source, "green"))
    if "description" not in row:
        return Group(line)
    return Group(line, Padding(Text(row["description"], style="dim"), (0, 0, 1, 4)))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
