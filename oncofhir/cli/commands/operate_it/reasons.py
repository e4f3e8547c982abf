"""`oncofhir reasons`: every reason code with its meaning, disposition and remedy."""

from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, wants_tables

if TYPE_CHECKING:
    from rich.console import RenderableType

    from oncofhir.schemas.finding import Rejection
    from oncofhir.schemas.reasons import Reason

REJECT_VALUE = "reject-value"


def reasons(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="CODE", help="Only these. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain the reason codes: meaning, disposition of the report, and remedy.

    Codes appear in outcome rows, dead letters, logs and metrics. The disposition says what happens to the
    report: skip, retract, dead-letter, retry, or halt (the worker stops). reject-value is that of the codes
    under `rejected`, which leave out single values of a report.

    Examples:
        oncofhir reasons
        oncofhir reasons no-text-layer contradicted
        oncofhir reasons --json | jq -r .reason

    Exit status: 2 there is no such code.
    """
    from oncofhir.schemas.finding import Rejection
    from oncofhir.schemas.reasons import Reason

    known: dict[str, Reason | Rejection] = {c.value: c for c in (*Rejection, *Reason)}
    unknown = sorted(set(codes or ()) - set(known))
    if unknown:
        fail(
            f"no reason code {', '.join(unknown)}; `oncofhir reasons` lists all",
            ExitStatus.WRONG_USAGE,
        )
    chosen = [known[code] for code in codes] if codes else [*Reason, *Rejection]
    if not wants_tables(as_json):
        for reason in chosen:
            json_line(
                {
                    "reason": reason.value,
                    "disposition": _disposition(reason),
                    "meaning": reason.meaning,
                    "remedy": reason.remedy,
                }
            )
        return
    out = console()
    for reason in chosen:
        out.print(_entry(reason))


def _disposition(reason: "Reason | Rejection") -> str:
    from oncofhir.schemas.reasons import Reason

    return reason.disposition.value if isinstance(reason, Reason) else REJECT_VALUE


def _entry(reason: "Reason | Rejection") -> "RenderableType":
    """One code for a person: paragraphs, because a table of long texts is unreadable at 80 columns."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    head = Text.assemble((reason.value, "bold"), f"  ({_disposition(reason)})")
    body = Text(f"{reason.meaning}\n→ {reason.remedy}")
    return Group(head, Padding(body, (0, 0, 0, 4)))
