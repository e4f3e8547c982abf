"""`oncofhir reasons`: every reason code with its meaning, disposition and remedy."""

from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, wants_tables

if TYPE_CHECKING:
    from rich.console import RenderableType

    from oncofhir.schemas.reasons import Reason


def reasons(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="CODE", help="Only these. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain the reason codes: meaning, disposition of the report, and remedy.

    Codes appear in outcome rows, dead letters, logs and metrics. The disposition says what happens to the
    report: skip, retract, dead-letter, retry, or halt (the worker stops).

    Examples:
        oncofhir reasons
        oncofhir reasons no-text-layer
        oncofhir reasons --json | jq -r .reason

    Exit status: 2 there is no such code.
    """
    from oncofhir.schemas.reasons import Reason

    unknown = sorted(set(codes or ()) - set(Reason))
    if unknown:
        fail(
            f"no reason code {', '.join(unknown)}; `oncofhir reasons` lists all",
            ExitStatus.WRONG_USAGE,
        )
    chosen = [Reason(code) for code in codes] if codes else list(Reason)
    if not wants_tables(as_json):
        for reason in chosen:
            json_line(
                {
                    "reason": reason.value,
                    "disposition": reason.disposition.value,
                    "meaning": reason.meaning,
                    "remedy": reason.remedy,
                }
            )
        return
    out = console()
    for reason in chosen:
        out.print(_entry(reason))


def _entry(reason: "Reason") -> "RenderableType":
    """One code for a person: paragraphs, because a table of long texts is unreadable at 80 columns."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    head = Text.assemble((reason.value, "bold"), f"  ({reason.disposition.value})")
    body = Text(f"{reason.meaning}\n→ {reason.remedy}")
    return Group(head, Padding(body, (0, 0, 0, 4)))
