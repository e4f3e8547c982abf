"""`oncofhir reasons`: every reason code with its meaning, disposition and remedy."""

from typing import Annotated

import typer
from rich.table import Table

from oncofhir.cli.output import console, json_line, wants_tables


def reasons(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """Print every reason code: its meaning, what happens to the report, and the remedy."""
    from oncofhir.schemas.reasons import Reason

    if not wants_tables(as_json):
        for reason in Reason:
            said = {"disposition": reason.disposition.value}
            json_line(
                {"reason": reason.value, **said, "meaning": reason.meaning, "remedy": reason.remedy}
            )
        return
    table = Table("reason", "disposition", "meaning", "remedy")
    for reason in Reason:
        table.add_row(reason.value, reason.disposition.value, reason.meaning, reason.remedy)
    console().print(table)
