"""Points in time as options: ISO 8601."""

from datetime import UTC, datetime

import typer


def moment(said: str | None) -> datetime | None:
    """The moment that an option says; without an offset it is UTC.

    Raises:
        typer.BadParameter: it is no ISO 8601 date or time.
    """
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise typer.BadParameter("an ISO 8601 date or time is needed: 2026-01-31T08:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
