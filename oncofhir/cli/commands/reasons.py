"""`oncofhir reasons`: every reason code with its meaning, fate and remedy."""

from typing import Annotated

import typer
from rich.table import Table

from oncofhir.cli.output import console, json_line, wants_tables


def reasons(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print every reason code: what it means, what becomes of the report, what to do."""
    from oncofhir.schemas.reasons import REASONS

    if not wants_tables(as_json):
        for reason, entry in REASONS.items():
            json_line({"reason": reason.value, **entry.model_dump(mode="json")})
        return
    table = Table("reason", "fate", "meaning", "remedy")
    for reason, entry in REASONS.items():
        table.add_row(reason.value, entry.fate.value, entry.meaning, entry.remedy)
    console().print(table)
