"""Runs a backfill for the command: state, signals, progress, summary and exit status."""

import asyncio
import hashlib
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from oncofhir.cli.exit_status import ExitStatus, exit_with_error
from oncofhir.cli.output import json_line, note

if TYPE_CHECKING:
    from oncofhir.fhir.rest.reader import FhirReader
    from oncofhir.ingest.backfill.counts import Counts
    from oncofhir.ingest.backfill.messages import Prepared
    from oncofhir.ingest.backfill.run import Options
    from oncofhir.ingest.backfill.search import Query
    from oncofhir.ingest.backfill.source import Source
    from oncofhir.settings import KafkaSettings

_WATCH_SECONDS = 2.0
_MOST_SHOWN = 20  # broken items that are named; the rest is counted


@dataclass(frozen=True)
class Choices:
    """What the options of all sources chose."""

    options: "Options"
    state: Path | None
    restart: bool
    dry_run: bool


def run_backfill(
    make_source: Callable[[], "Source"], choices: Choices, settings: "KafkaSettings"
) -> None:
    """Run a backfill, print the summary, and exit with the status that it deserves."""
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    try:
        result = asyncio.run(_run(make_source, choices, settings))
    except (OncofhirError, SettingsError) as error:
        then = "" if choices.dry_run else f"resume with: {_resume(choices.state)}"
        exit_with_error(error, then if isinstance(error, OncofhirError) else "")
    json_line(result)
    if not result["complete"]:
        if not choices.dry_run:
            state = Path(result["state"])
            note(f"stopped; resume with: {_resume(state)}")
        raise typer.Exit(ExitStatus.INTERRUPTED)
    unaccounted = result["broken"] - result["dead_lettered"]
    if not result["reconciles"] or unaccounted or result.get("failed"):
        raise typer.Exit(ExitStatus.WRONG_RESULT)


async def _run(
    make_source: Callable[[], "Source"], choices: Choices, settings: "KafkaSettings"
) -> dict[str, Any]:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    source = make_source()
    try:
        if choices.dry_run:
            return await _count(source, stop)
        return await _publish(source, choices, settings, stop)
    finally:
        await source.aclose()


def count_on_server_and_exit(
    make_reader: "Callable[[], FhirReader]", queries: "Sequence[Query]"
) -> NoReturn:
    """Print how many reports of each type and status a server has, and exit."""
    from oncofhir.ingest.backfill.server_counts import count_on_server
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    async def count() -> "Counts":
        reader = make_reader()
        try:
            return await count_on_server(reader, queries)
        finally:
            await reader.aclose()

    try:
        counts = asyncio.run(count())
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    json_line({"dry_run": True, "complete": True, **_described(counts)})
    raise typer.Exit(ExitStatus.OK)


async def _count(source: "Source", stop: asyncio.Event) -> dict[str, Any]:
    from oncofhir.cli.backfill.progress import progress_on_stderr
    from oncofhir.ingest.backfill.run import count_items

    broken = _Broken()
    with progress_on_stderr(source) as show:
        counts = await count_items(source, stop, on_page=show, on_broken=broken)
    broken.print_remainder()
    return {"dry_run": True, "complete": not stop.is_set(), **_described(counts)}


async def _publish(
    source: "Source", choices: Choices, settings: "KafkaSettings", stop: asyncio.Event
) -> dict[str, Any]:
    from oncofhir.cli.backfill.progress import progress_on_stderr
    from oncofhir.consumers.kafka.publisher import Publisher
    from oncofhir.consumers.kafka.topics import refuse_missing_topics
    from oncofhir.ingest.backfill.messages import BackfillTopics
    from oncofhir.ingest.backfill.run import Backfill
    from oncofhir.ingest.backfill.state import State
    from oncofhir.settings import SettingsError

    topics = BackfillTopics(settings).topics
    if not topics:
        raise SettingsError(
            "no backfill topic is set: set ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_BACKFILL_TOPIC and "
            "_DOCUMENT_REFERENCE_BACKFILL_TOPIC for this command and for all workers, and create the topics "
            "with 'oncofhir topics ensure'"
        )
    letters = (settings.dead_letter_topic,) if choices.options.dead_letter_broken else ()
    await asyncio.to_thread(refuse_missing_topics, {*topics, *letters}, settings)
    identity = {**source.identity, "topics": topics}
    path = choices.state or default_state_file(identity)
    broken, began = _Broken(), time.monotonic()
    with State(path, identity, restart=choices.restart) as state:
        before = state.counts.read
        if state.is_complete:
            note(f"{path} says that this backfill is complete; --restart begins again")
        else:
            async with Publisher(settings) as publisher:
                with progress_on_stderr(source) as show:
                    running = Backfill(
                        source,
                        state,
                        publisher,
                        settings,
                        choices.options,
                        on_page=show,
                        on_broken=broken,
                    )
                    watching = asyncio.create_task(_watch(source))
                    try:
                        await running.run(stop)
                    finally:
                        watching.cancel()
            broken.print_remainder()
        seconds = time.monotonic() - began
        read = state.counts.read - before
        return {
            "dry_run": False,
            "complete": state.is_complete,
            "state": str(path),
            **_described(state.counts),
            **state.facts,
            "seconds": round(seconds, 1),
            "records_per_second": round(read / seconds) if read else 0,
        }


async def _watch(source: "Source") -> None:
    """Say on stderr what the source does when that changes, such as waiting for an export."""
    shown = ""
    while True:
        activity = source.activity
        if activity != shown:
            shown = activity
            note(activity)
        await asyncio.sleep(_WATCH_SECONDS)


def _described(counts: "Counts") -> dict[str, Any]:
    return {**counts.summary(), "broken": counts.broken}


def default_state_file(identity: dict[str, Any]) -> Path:
    """Return a name in the working directory that the same command gives again."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return Path(f"oncofhir-backfill-{identity['source']}-{digest[:8]}.state")


class _Broken:
    """Names the first broken items on stderr, without content, and says how many more there are."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, broken: "Prepared") -> None:
        self._count += 1
        if self._count <= _MOST_SHOWN and broken.reason is not None:
            detail = f": {broken.detail}" if broken.detail else ""
            note(f"{broken.item.origin}: {broken.reason.value}{detail}")

    def print_remainder(self) -> None:
        if self._count > _MOST_SHOWN:
            more = self._count - _MOST_SHOWN
            note(f"{more} more are broken; see skipped_by_reason")


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and Ctrl-C end the run after the page in progress, and a second one at once."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        note("stopping after the page in progress")

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, on_signal)
        except (RuntimeError, ValueError):  # not the main thread: whoever runs it there stops it
            return


def _resume(state: Path | None) -> str:
    """Return the command line that resumes: this one, with its state file."""
    arguments = [a for a in sys.argv[1:] if a != "--restart"]
    if state is not None and not any(a.partition("=")[0] == "--state" for a in arguments):
        arguments += ["--state", str(state)]
    return f"oncofhir {shlex.join(arguments)}"
