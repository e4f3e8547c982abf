"""The index of findings: filled by the watcher and by verdicts, read by the worklist.

It holds references, values and codes of findings and no words of a report. All methods are blocking and
short; they may be called from several threads.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from oncofhir.fhir.store.head import Head
from oncofhir.review.worklist import query
from oncofhir.review.worklist.item_rows import item_of, row_of
from oncofhir.review.worklist.items import opinions_of
from oncofhir.review.worklist.schema import connect
from oncofhir.schemas.base import Value
from oncofhir.schemas.review import (
    PageRequest,
    WorklistFacets,
    WorklistFilter,
    WorklistItem,
    WorklistPage,
)

_MOST_COUNTED = 64
_Counts = tuple[int, int, WorklistFacets]


class KnownResource(Value):
    """A resource of a document: `expected` is the fingerprint that the head knows, empty if it is deleted."""

    document: str
    version_id: str | None = None
    expected: str


class FindingIndex:
    """One store's findings."""

    def __init__(self, file: Path | None, identity: str) -> None:
        self._connection = connect(file, identity)
        self._lock = threading.RLock()
        self._counts: dict[tuple[Any, ...], _Counts] = {}
        self._counted_at: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def put_document(self, head: Head, items: Iterable[WorklistItem]) -> None:
        """Replace what is known of a document by a head and its items.

        An older revision than the known one is ignored: a store that lags, or was restored from a backup.
        """
        with self._transaction():
            known = self._one("SELECT revision FROM documents WHERE document = ?", head.document)
            if known is not None and known[0] > head.revision:
                return
            self._put_findings(head, items)
            self._execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                head.document,
                head.id or "",
                head.revision,
                head.source.unversioned,
                head.subject or "",
            )
            known_content = head.known_content
            self._connection.executemany(
                "INSERT INTO resources (reference, document, expected) VALUES (?, ?, ?) ON CONFLICT "
                "(reference) DO UPDATE SET document = excluded.document, expected = excluded.expected",
                [
                    (head.server_reference(reference), head.document, mark)
                    for reference, mark in known_content.items()
                ],
            )

    def _put_findings(self, head: Head, items: Iterable[WorklistItem]) -> None:
        for table in ("findings", "opinions"):
            self._execute(f"DELETE FROM {table} WHERE document = ?", head.document)  # noqa: S608 - a constant
        self._connection.executemany(
            "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [row_of(item) for item in items],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO opinions VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (finding, head.document, at, o.reviewer, o.status, o.unsure, o.at.isoformat())
                for finding, at, o in opinions_of(head)
            ],
        )

    def worklist(self, wanted: WorklistFilter, page: PageRequest) -> WorklistPage:
        """List a page of findings, with totals and facets of the filter."""
        condition = query.Condition(wanted)
        sql, parameters = query.page_sql(condition, page, wanted.sort)
        with self._lock:
            found = self._connection.execute(sql, parameters).fetchall()
            total, documents, facets = self._counted(condition)
        return WorklistPage(
            items=tuple(item_of(item, version) for item, version in found),
            total=total,
            documents=documents,
            offset=page.offset,
            facets=facets,
            as_of=self.as_of,
        )

    def _counted(self, condition: query.Condition) -> _Counts:
        """Count the findings of a filter, once until the file changes: it is most of the work of a page."""
        (others,) = self._all("PRAGMA data_version")[0]
        stamp = (self._connection.total_changes, others)
        if stamp != self._counted_at or len(self._counts) >= _MOST_COUNTED:
            self._counts.clear()
            self._counted_at = stamp
        key = (condition.sql, tuple(condition.parameters))
        if key not in self._counts:
            self._counts[key] = self._count(condition)
        return self._counts[key]

    def _count(self, condition: query.Condition) -> _Counts:
        total, documents, *reasons = self._all(query.totals_sql(condition), *condition.parameters)[
            0
        ]
        facets = {
            name: dict(self._all(facet, *condition.parameters))
            for name, facet in query.facet_sql(condition).items()
        }
        by_reason = zip(query.BITS, reasons, strict=True)
        counted = {reason.value: count for reason, count in by_reason if count}
        return total, documents, WorklistFacets(reasons=counted, **facets)

    def findings_by_status(self) -> dict[str, int]:
        """The number of findings per review status."""
        return dict(self._all("SELECT review, COUNT(*) FROM findings GROUP BY review"))

    def findings_by_reason(self) -> dict[str, int]:
        """The number of findings on the worklist per reason."""
        with self._lock:
            return dict(self._counted(query.Condition(WorklistFilter()))[2].reasons)

    def item(self, finding: str) -> WorklistItem | None:
        """The item of a finding, None if it is not known."""
        found = self._one("SELECT item, version_id FROM findings WHERE finding = ?", finding)
        return item_of(*found) if found else None

    def task_of(self, document: str) -> str | None:
        """The id of the Task that holds a document's head, None if the document is not known."""
        found = self._one("SELECT task FROM documents WHERE document = ?", document)
        return str(found[0]) if found else None

    def revision_of(self, document: str) -> int | None:
        """The revision of a document that was last seen."""
        found = self._one("SELECT revision FROM documents WHERE document = ?", document)
        return int(found[0]) if found else None

    def reviewed_documents(self) -> list[str]:
        """The documents of which a human has decided a finding."""
        sql = (
            "SELECT DISTINCT document FROM findings WHERE review <> 'unreviewed' ORDER BY document"
        )
        return [document for (document,) in self._all(sql)]

    def document_of_task(self, task: str) -> str | None:
        """The document whose head the Task of this id is."""
        found = self._one("SELECT document FROM documents WHERE task = ?", task)
        return str(found[0]) if found else None

    def tasks(self) -> list[str]:
        """The references of all heads."""
        return [f"Task/{task}" for (task,) in self._all("SELECT task FROM documents")]

    def forget(self, document: str) -> None:
        """Remove a document whose head was deleted, such as that of an erased patient."""
        with self._transaction():
            for table in ("documents", "findings", "opinions", "resources", "unpublished"):
                self._execute(f"DELETE FROM {table} WHERE document = ?", document)  # noqa: S608 - a constant

    def resource(self, reference: str) -> KnownResource | None:
        """What is known of a resource, by the server's reference."""
        found = self._one(
            "SELECT document, version_id, expected FROM resources WHERE reference = ?", reference
        )
        if found is None:
            return None
        return KnownResource(document=found[0], version_id=found[1], expected=found[2])

    def references(self) -> list[str]:
        """The references of all resources that are not known to be deleted."""
        sql = "SELECT reference FROM resources WHERE expected <> ''"
        return [reference for (reference,) in self._all(sql)]

    def saw(self, versions: Mapping[str, str | None]) -> None:
        """Note the versions of resources, by the server's reference."""
        with self._transaction():
            for table, column in (("resources", "reference"), ("findings", "resource")):
                self._connection.executemany(
                    f"UPDATE {table} SET version_id = ? WHERE {column} = ?",  # noqa: S608 - constants
                    [(version, reference) for reference, version in versions.items()],
                )

    def versions(self, document: str) -> dict[str, str | None]:
        """The known versions of a document's resources."""
        return dict(
            self._all("SELECT reference, version_id FROM resources WHERE document = ?", document)
        )

    def intend_to_publish(self, document: str, after_revision: int) -> None:
        """Note, before the store is written, that rows above a revision have to be published."""
        self._execute("INSERT OR IGNORE INTO unpublished VALUES (?, ?)", document, after_revision)

    def published(self, document: str) -> None:
        """Note that the broker has acknowledged a document's rows."""
        self._execute("DELETE FROM unpublished WHERE document = ?", document)

    def unpublished(self) -> dict[str, int]:
        """The documents whose rows above a revision have to be published."""
        return dict(self._all("SELECT document, after_revision FROM unpublished"))

    def get(self, name: str) -> str | None:
        """A note of the watcher, such as how far it has come."""
        found = self._one("SELECT value FROM meta WHERE name = ?", name)
        return str(found[0]) if found else None

    def set(self, name: str, value: str) -> None:
        """Keep a note of the watcher."""
        self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    @property
    def as_of(self) -> datetime | None:
        """When the index last followed the store."""
        at = self.get("as_of")
        return datetime.fromisoformat(at) if at else None

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The result of a query that another module of this package has built."""
        return self._all(sql, *parameters)

    def _execute(self, sql: str, *parameters: object) -> None:
        with self._lock:
            self._connection.execute(sql, parameters)

    def _one(self, sql: str, *parameters: object) -> tuple[Any, ...] | None:
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def _all(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()
