"""The state file of a backfill: SQLite, one transaction per page, so that a kill loses one page at most.

A local file was chosen over headers in Kafka: finding the last header again means reading the
topic, which may have other producers and a short retention, and skipped lines have no record. SQLite commits
position, counts and fingerprints together and waits for the disk (synchronous=FULL), and its lock keeps a
second run away. A page is committed after the broker has acknowledged all of it.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.source import Position
from oncofhir.settings import SettingsError

_FORMAT = 1
_LOOKUP = 500  # parameters of one query


class State:
    """An open state file. It holds positions, counts and hashes, and no content of a report.

    Args:
        path: the file; created if it is missing.
        identity: the source and the topics; a file of another backfill is refused.
        restart: forget what the file holds.

    Raises:
        SettingsError: the file is of another backfill or of another program, in use, or cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, restart: bool = False) -> None:
        self.path = path
        self._identity = json.loads(json.dumps(identity))
        self._restart = restart
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.0)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"cannot write the state file {path}: {getattr(error, 'strerror', None) or error}; "
                "choose another one with --state FILE"
            ) from error
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def position(self) -> Position | None:
        """Where to continue; None: at the beginning."""
        return self._read("position")  # type: ignore[no-any-return]

    @property
    def counts(self) -> Counts:
        found = self._read("counts")
        return Counts() if found is None else Counts.model_validate(found)

    @property
    def is_complete(self) -> bool:
        """Whether the source was read to its end."""
        return bool(self._read("complete"))

    @property
    def facts(self) -> dict[str, Any]:
        """What the source added to the summary."""
        return dict(self._read("facts") or {})

    @property
    def folder(self) -> Path:
        """A folder next to the file for what the source downloads; it may not exist."""
        return self.path.with_name(f"{self.path.name}.files")

    def note(self, name: str) -> Any:
        """Return what a source noted for itself, such as the address of its export; None: nothing."""
        return self._read(f"note:{name}")

    def set_note(self, name: str, value: Any) -> None:
        """Keep a note of a source."""
        self._write({f"note:{name}": value})

    def commit(
        self, position: Position, counts: Counts, fingerprints: Iterable[bytes] = ()
    ) -> None:
        """Move on to a position: everything before it is acknowledged or skipped."""
        values = {"position": position, "counts": counts.model_dump(mode="json")}
        self._write(values, fingerprints)

    def complete(self, facts: Mapping[str, Any]) -> None:
        """Mark the source as read to its end."""
        self._write({"complete": True, "facts": facts})

    def known(self, fingerprints: Sequence[bytes]) -> set[bytes]:
        """Return those of the fingerprints that were committed before."""
        found: set[bytes] = set()
        for start in range(0, len(fingerprints), _LOOKUP):
            some = fingerprints[start : start + _LOOKUP]
            marks = ",".join("?" * len(some))
            query = f"SELECT fingerprint FROM published WHERE fingerprint IN ({marks})"  # noqa: S608
            found.update(row[0] for row in self._connection.execute(query, some))
        return found

    def _open(self) -> None:
        try:
            execute = self._connection.execute
            execute("PRAGMA locking_mode=EXCLUSIVE")
            execute("PRAGMA journal_mode=TRUNCATE")
            execute("PRAGMA synchronous=FULL")
            execute("BEGIN EXCLUSIVE")
            execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            execute(
                "CREATE TABLE IF NOT EXISTS published (fingerprint BLOB PRIMARY KEY) WITHOUT ROWID"
            )
            if self._restart:
                execute("DELETE FROM state")
                execute("DELETE FROM published")
            execute("COMMIT")
            known = self._read("identity")
            if known is None:
                self._write({"format": _FORMAT, "identity": self._identity})
        except sqlite3.OperationalError as error:
            raise _unusable(self.path, error) from error
        except sqlite3.DatabaseError as error:
            raise SettingsError(
                f"{self.path} is no state file of a backfill; choose another one with --state FILE"
            ) from error
        if known is not None and (self._read("format") != _FORMAT or known != self._identity):
            raise SettingsError(
                f"the state file {self.path} belongs to another source, or its files have changed since: "
                "start again with --restart, or choose another file with --state FILE"
            )

    def _read(self, name: str) -> Any:
        query = "SELECT value FROM state WHERE name = ?"
        row = self._connection.execute(query, (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def _write(self, values: Mapping[str, Any], fingerprints: Iterable[bytes] = ()) -> None:
        rows = [(name, json.dumps(value)) for name, value in values.items()]
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)
            self._connection.executemany(
                "INSERT OR IGNORE INTO published VALUES (?)", ((each,) for each in fingerprints)
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:  # the disk is full, for one
            raise _unusable(self.path, error) from error


def _unusable(path: Path, error: sqlite3.Error) -> SettingsError:
    if "locked" in str(error):
        return SettingsError(
            f"the state file {path} is in use by another backfill; wait for its end"
        )
    return SettingsError(f"cannot write the state file {path}: {error}; then run the command again")
