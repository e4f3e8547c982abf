"""`oncofhir config show` and `config example`: the effective configuration, and a file to start from."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, wants_tables

if TYPE_CHECKING:
    from rich.console import RenderableType


def config() -> None:
    """Show the effective configuration, or print a configuration file to start from.

    Examples:
        oncofhir config show --describe
        oncofhir config example > oncofhir.toml
    """


def show(
    describe: Annotated[
        bool, typer.Option("--describe", help="Add the description and the default.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print every setting with its value and source: default, file or environment.

    Settings come from environment variables (ONCOFHIR_<GROUP>__<NAME>) and from the TOML file that
    ONCOFHIR_CONFIG names. The environment wins. Secrets are files: only their paths are printed.

    Examples:
        oncofhir config show
        ONCOFHIR_KAFKA__GROUP_ID=pathology oncofhir config show --describe

    Exit status: 0 printed; 2 a setting is wrong.
    """
    from oncofhir.settings import describe_settings, setting_infos

    rows = describe_settings(settings_or_exit())
    if describe:
        infos = {info.variable: info for info in setting_infos()}
        for row in rows:
            info = infos[row["variable"]]
            row |= {"default": info.default, "description": info.description}
    if not wants_tables(as_json):
        for row in rows:
            json_line(row)
        return
    out = console()
    for row in rows:
        out.print(_entry(row))


def example() -> None:
    """Print a TOML configuration file: every setting with its description, commented out.

    Examples:
        oncofhir config example > oncofhir.toml
        ONCOFHIR_CONFIG=oncofhir.toml oncofhir config show

    Exit status: 0 printed.
    """
    from oncofhir.settings import example_file

    typer.echo(example_file(), nl=False)


def _entry(row: dict[str, Any]) -> "RenderableType":
    """One setting for a person: its assignment, and below it the description if there is one."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    value = "(not set)" if row["value"] is None else _written(row["value"])
    source = "" if row["source"] == "default" else f"  [{row['source']}]"
    line = Text.assemble((row["variable"], "bold"), f"={value}", (source, "green"))
    if "description" not in row:
        return line
    return Group(line, Padding(Text(row["description"], style="dim"), (0, 0, 1, 4)))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


app = new_group(config)
add(app, "show", show)
add(app, "example", example)
