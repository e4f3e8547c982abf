"""`oncofhir config show` and `config example`: the effective configuration, and a file to start from."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, wants_tables

if TYPE_CHECKING:
    from rich.text import Text


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

    A terminal shows the default beside a value that differs from it. JSON has it with --describe.

    Settings come from environment variables (ONCOFHIR_<GROUP>__<NAME>) and from the TOML file that
    ONCOFHIR_CONFIG names. The environment wins. Secrets are files: only their paths are printed.

    Examples:
        oncofhir config show
        ONCOFHIR_KAFKA__GROUP_ID=pathology oncofhir config show --describe

    Exit status: 0 printed; 2 a setting is wrong.
    """
    from rich.padding import Padding
    from rich.text import Text

    from oncofhir.settings import describe_settings, setting_infos

    rows = describe_settings(settings_or_exit())
    infos = {info.variable: info for info in setting_infos()}
    if not wants_tables(as_json):
        for row in rows:
            info = infos[row["variable"]]
            more = {"default": info.default, "description": info.description} if describe else {}
            json_line(row | more)
        return
    out = console()
    for row in rows:
        info = infos[row["variable"]]
        out.print(_assignment(row, info.default, out.width), soft_wrap=True)
        if describe:
            out.print(Padding(Text(info.description, style="dim"), (0, 0, 1, 4)))


def example() -> None:
    """Print a TOML configuration file: every setting with its description, commented out.

    Examples:
        oncofhir config example > oncofhir.toml
        ONCOFHIR_CONFIG=oncofhir.toml oncofhir config show

    Exit status: 0 printed.
    """
    from oncofhir.settings import example_file

    typer.echo(example_file(), nl=False)


def _assignment(row: dict[str, Any], default: Any, width: int) -> "Text":
    """One setting for a person: its assignment, where the value is from, and the default it replaces.

    What does not fit beside the assignment follows on a line of its own. Neither is cut, so that both can be
    copied.
    """
    from rich.text import Text

    source = [] if row["source"] == "default" else [row["source"]]
    if row["value"] != default:
        source.append(f"default: {_written(default)}")
    line = Text.assemble((row["variable"], "bold"), f"={_written(row['value'])}")
    if source:
        shown = f"[{', '.join(source)}]"
        fits = line.cell_len + len(shown) + 2 <= width
        line.append("  " if fits else "\n    ").append(shown, "green")
    return line


def _written(value: Any) -> str:
    if value is None:
        return "(not set)"
    is_plain = isinstance(value, str) and value.isprintable() and value == value.strip() != ""
    return str(value) if is_plain else json.dumps(value)


app = new_group(config)
add(app, "show", show)
add(app, "example", example)
