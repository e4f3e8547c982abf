"""The index as SQLite tables. It is a copy: a file of another version is rebuilt from the store."""

import errno
import re
import sqlite3
from pathlib import Path

from oncofhir.settings import SettingsError

VERSION = 1
_SETTING = "ONCOFHIR_WORKLIST__INDEX_FILE"

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
    document TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    revision INTEGER NOT NULL,
    report TEXT NOT NULL,
    patient TEXT NOT NULL
);
CREATE TABLE findings (
    finding TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    resource TEXT NOT NULL,
    kind TEXT NOT NULL,
    site TEXT NOT NULL,
    body_site TEXT,
    model TEXT NOT NULL,
    reported TEXT,
    asserted TEXT NOT NULL,
    confidence REAL,
    review TEXT NOT NULL,
    reviewer TEXT,
    reviewed_at TEXT,
    reasons INTEGER NOT NULL,
    priority REAL NOT NULL,
    version_id TEXT,
    item TEXT NOT NULL
);
CREATE TABLE opinions (
    finding TEXT NOT NULL,
    document TEXT NOT NULL,
    position INTEGER NOT NULL,
    reviewer TEXT,
    status TEXT NOT NULL,
    unsure INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (finding, position)
);
CREATE TABLE resources (
    reference TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    version_id TEXT,
    expected TEXT
);
CREATE TABLE unpublished (document TEXT PRIMARY KEY, after_revision INTEGER NOT NULL);
CREATE INDEX findings_by_document ON findings (document);
CREATE INDEX findings_by_priority ON findings (priority DESC, reported, finding) WHERE reasons > 0;
CREATE INDEX findings_by_resource ON findings (resource);
CREATE INDEX opinions_by_document ON opinions (document);
CREATE INDEX resources_by_document ON resources (document);
CREATE INDEX documents_by_report ON documents (report);
CREATE INDEX documents_by_task ON documents (task);
CREATE INDEX documents_by_patient ON documents (patient);
"""
# With those of earlier versions, as soon as there are any.
_OURS = frozenset(re.findall(r"CREATE TABLE (\w+)", _TABLES))


def connect(file: Path | None, identity: str) -> sqlite3.Connection:
    """Open the index of one store, created or emptied where needed; None keeps it in memory.

    `identity` names the store and the source: an index of another one is emptied, as is one of another
    version. Only the owner can read the file.

    Raises:
        SettingsError: the file cannot be written, or is another program's; it is left as it is.
    """
    try:
        if file is not None:
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
        return _opened(file, identity)
    except OSError as error:
        raise SettingsError(f"{_SETTING}: {file}: {error.strerror}") from error
    except sqlite3.DatabaseError as error:
        remedy = "name another file; delete a damaged index: it is made again from the FHIR server"
        raise SettingsError(f"{_SETTING}: {file}: {error}; {remedy}") from error


def _opened(file: Path | None, identity: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file or ":memory:", check_same_thread=False, isolation_level=None, timeout=30
    )
    if _names(connection) - _OURS:
        connection.close()
        raise sqlite3.DatabaseError("it has tables of another program")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # In KiB: 10,000 findings stay in memory, which halves the CPU time of a page of the worklist.
    connection.execute("PRAGMA cache_size = -65536")
    stated = f"{VERSION}|{identity}"
    if _stated(connection) != stated:
        _empty(connection)
        connection.executescript(_TABLES)
        connection.execute("INSERT INTO meta VALUES ('identity', ?)", (stated,))
    return connection


def _stated(connection: sqlite3.Connection) -> str | None:
    try:
        row = connection.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
    except sqlite3.OperationalError:
        return None
    return str(row[0]) if row else None


def _empty(connection: sqlite3.Connection) -> None:
    """Drop all tables, of whatever version."""
    for name in _names(connection):
        connection.execute(f'DROP TABLE "{name}"')


def _names(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in found if not name.startswith("sqlite_")}
