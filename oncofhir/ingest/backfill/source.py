"""What every source of a backfill provides: pages of items, each with the position behind it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from oncofhir.schemas.reasons import Reason

Position = Mapping[str, Any]
"""The position at which a source continues, as JSON. Only the source that made it understands it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of the source: a line of a file or an entry of a page.

    `origin` names it without content, such as `part-1.ndjson:17`. `raw` is PHI and kept out of `repr`.
    `reason` is why it cannot be read; else None. A source resumed at `position` yields the next item.
    """

    origin: str
    raw: bytes = field(repr=False)
    position: Position
    reason: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a source was read: `done` of `total`, in bytes or resources; None: not known."""

    done: int
    total: int | None


class Notes(Protocol):
    """What a source keeps over restarts in addition to its position, such as the address of its export."""

    @property
    def folder(self) -> Path:
        """Where it may keep files; it creates and removes the folder itself."""
        ...

    def note(self, name: str) -> Any: ...

    def set_note(self, name: str, value: Any) -> None: ...


class Source(Protocol):
    """A source of records.

    `identity` describes it as JSON; a state file of another identity is refused. `may_repeat` states that
    a resumed source may yield items again that it yielded before. `activity` says what it does now, for a
    person; it may be empty.
    """

    @property
    def identity(self) -> Mapping[str, Any]: ...

    @property
    def may_repeat(self) -> bool: ...

    @property
    def activity(self) -> str: ...

    @property
    def extent(self) -> Extent: ...

    def pages(self, after: Position | None, notes: Notes) -> AsyncIterator[list[Item]]:
        """Yield the items after a position, or all, in pages of a bounded size.

        Raises:
            OncofhirError, SettingsError: the source cannot be read further.
        """
        ...

    async def finish(self, notes: Notes) -> Mapping[str, Any]:
        """Release what the source holds elsewhere after its last page; return facts for the summary.

        The fact `failed`, a number, counts what the server itself could not deliver.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
