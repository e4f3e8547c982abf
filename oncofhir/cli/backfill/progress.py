"""Progress of a backfill on stderr: a bar at a terminal, else a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from oncofhir.cli.output import note, progress_console

if TYPE_CHECKING:
    from rich.console import Console

    from oncofhir.ingest.backfill.counts import Counts
    from oncofhir.ingest.backfill.source import Extent, Source

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_on_stderr(source: "Source") -> "Iterator[Callable[[Counts], None]]":
    """Show how far a source was read, how fast, and how long the rest will take."""
    console = progress_console()
    if console.is_terminal:
        with _bar(console, source) as show:
            yield show
    else:
        yield _Lines(source)


@contextmanager
def _bar(console: "Console", source: "Source") -> "Iterator[Callable[[Counts], None]]":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=None)
        rate = _Rate()

        def show(counts: "Counts") -> None:
            extent = source.extent
            progress.update(
                task,
                total=extent.total,
                completed=extent.done,
                description=rate.described(counts, extent),
            )

        yield show


class _Lines:
    """Writes a line every ten seconds, for logs."""

    def __init__(self, source: "Source") -> None:
        self._source = source
        self._rate = _Rate()
        self._shown = time.monotonic()

    def __call__(self, counts: "Counts") -> None:
        now = time.monotonic()
        if now - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = now
            note(self._rate.described(counts, self._source.extent))


class _Rate:
    """Records a second, and the time left, since the first page of this run."""

    def __init__(self) -> None:
        self._began: tuple[float, int, int] | None = None

    def described(self, counts: "Counts", extent: "Extent") -> str:
        """Describe what was read, the rate, and the time that is left if the extent is known."""
        text = f"{counts.read:,} read, {counts.total_published:,} published"
        if counts.broken:
            text += f", {counts.broken:,} broken"
        now = time.monotonic()
        if self._began is None:
            self._began = (now, counts.read, extent.done)
            return text
        began, read, done = self._began
        seconds = max(now - began, 1e-3)
        text += f", {(counts.read - read) / seconds:,.0f}/s"
        advance = extent.done - done
        if extent.total is not None and advance > 0:
            left = max(0.0, (extent.total - extent.done) / advance * seconds)
            text += f", {timedelta(seconds=round(left))} left"
        return text
