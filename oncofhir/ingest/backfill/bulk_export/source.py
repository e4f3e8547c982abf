"""A Bulk Data export as a source: its files are downloaded one after the other, and read as files are.

While a file is read, it is kept next to the state file, readable by its owner only; then it is removed. The
address of the export is noted, so that a run after a kill continues with the same export. When the server has
forgotten it, another one is started; what was published before is recognized by type, id and version.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from oncofhir.ingest.backfill.bulk_export.downloads import (
    ExportDownloads,
    count_lines,
    issue_counts,
)
from oncofhir.ingest.backfill.bulk_export.jobs import (
    ExportedFile,
    ExportExpiredError,
    ExportFailedError,
    ExportJobs,
    ExportRequest,
    Manifest,
)
from oncofhir.ingest.backfill.files import Files
from oncofhir.ingest.backfill.source import Extent, Item, Notes, Position
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason

_MOST_STARTS = 3  # of exports in a row that end without a page
_STATUS, _LAYOUT, _INCOMPLETE = "status", "layout", "incomplete"
_FATAL = ("fatal", "error")


class Export:
    """The files of an export.

    A position is a digest of the export's address, and the position within its files.
    """

    may_repeat = True

    def __init__(
        self,
        jobs: ExportJobs,
        downloads: ExportDownloads,
        request: ExportRequest,
        server: str,
        *,
        page_size: int,
        max_line_bytes: int,
    ) -> None:
        self._jobs = jobs
        self._downloads = downloads
        self._request = request
        self._server = server
        self._page_size = page_size
        self._max_line_bytes = max_line_bytes
        self._manifest: Manifest | None = None
        self._files_left_out = 0
        self._done = 0
        self.activity = ""

    @property
    def identity(self) -> Mapping[str, Any]:
        request = self._request
        filters = sorted(request.type_filters)
        asked = [list(request.types), request.since, request.path, filters]
        return {"source": "export", "server": self._server, "request": asked}

    @property
    def extent(self) -> Extent:
        """Lines if the manifest counts them, else nothing is known of the total."""
        counts = [file.count for file in self._wanted] if self._manifest else [None]
        known = [count for count in counts if count is not None]
        return Extent(self._done, sum(known) if len(known) == len(counts) else None)

    async def pages(self, after: Position | None, notes: Notes) -> AsyncIterator[list[Item]]:
        """Yield the lines of the files, with deletions last.

        Raises:
            DependencyUnavailable: the server stays unavailable, or its exports fail again and again.
            AccessDenied, RequestRejected: it refuses the export or a file.
        """
        starts = 0
        while True:
            try:
                job = await self._prepare(notes)
                async for page in self._read(job, after, notes):
                    starts, after = 0, page[-1].position
                    yield page
            except (ExportExpiredError, ExportFailedError) as error:
                starts += 1
                if starts >= _MOST_STARTS:
                    raise DependencyUnavailable(
                        Reason.STORE_FAILED, self._server, f"the server's exports fail: {error}"
                    ) from error
                self.activity = "the export has expired or failed; another one is started"
                notes.set_note(_STATUS, None)
            else:
                return

    async def _prepare(self, notes: Notes) -> str:
        """Have an export that is finished. Return a digest of its address."""
        status = notes.note(_STATUS)
        if status is None:
            shutil.rmtree(notes.folder, ignore_errors=True)  # files of an earlier export
            status = await self._jobs.kick_off(self._request)
            notes.set_note(_STATUS, status)
            notes.set_note(_LAYOUT, None)
            notes.set_note(_INCOMPLETE, 0)
        manifest = await self._jobs.manifest(status, self._on_progress)
        if notes.note(_LAYOUT) not in (None, manifest.layout):
            raise ExportExpiredError  # under the same address there is another export now
        notes.set_note(_LAYOUT, manifest.layout)
        self._manifest = manifest
        notes.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return hashlib.sha256(status.encode()).hexdigest()[:16]

    def _on_progress(self, activity: str) -> None:
        self.activity = activity

    @property
    def _wanted(self) -> list[ExportedFile]:
        """The files of the types that were asked for; some servers export more."""
        if self._manifest is None:
            return []
        wanted = [file for file in self._manifest.output if file.type in self._request.types]
        self._files_left_out = len(self._manifest.output) - len(wanted)
        return [*wanted, *self._manifest.deleted]

    async def _read(
        self, job: str, after: Position | None, notes: Notes
    ) -> AsyncIterator[list[Item]]:
        within = after if after is not None and after["export"] == job else None
        first = within["file"] if within else 0
        self._done = sum(file.count or 0 for file in self._wanted[:first])
        for number in range(first, len(self._wanted)):
            path = await self._download(number, notes)
            reader = Files([path], page_size=self._page_size, max_line_bytes=self._max_line_bytes)
            inner = {**within, "file": 0} if within and within["file"] == number else None
            async for page in reader.pages(inner, notes):
                self._done += len(page)
                yield [self._item(item, job, number) for item in page]
            path.unlink()

    @staticmethod
    def _item(item: Item, job: str, number: int) -> Item:
        position = {**item.position, "export": job, "file": number + item.position["file"]}
        return replace(item, position=position)

    async def _download(self, number: int, notes: Notes) -> Path:
        """Download a file once, and once more if it has other lines than the manifest says."""
        file, path = self._wanted[number], notes.folder / f"{number:05}.ndjson"
        if path.exists():  # of a run that was killed
            return path
        self.activity = f"file {number + 1} of {len(self._wanted)}"
        for attempt in (1, 2):
            try:
                await self._fetch(file, path)
            except ExportExpiredError:
                # the addresses of a manifest may expire sooner than the export (Bulk Data IG)
                await self._prepare(notes)
                file = self._wanted[number]
                await self._fetch(file, path)
            if file.count is None or count_lines(path) == file.count:
                return path
            if attempt > 1:
                notes.set_note(_INCOMPLETE, (notes.note(_INCOMPLETE) or 0) + 1)
        return path

    async def _fetch(self, file: ExportedFile, path: Path) -> None:
        with_token = self._manifest is None or self._manifest.requires_access_token
        await self._downloads.download(file, path, with_token=with_token)

    async def finish(self, notes: Notes) -> Mapping[str, Any]:
        """Count what the server reports as errors, and let it remove the export."""
        if self._manifest is None:
            return {}
        issues: Counter[str] = Counter()
        for number, file in enumerate(self._manifest.errors):
            path = notes.folder / f"errors-{number:05}.ndjson"
            try:
                await self._fetch(file, path)
                issues += issue_counts(path)
            except ExportExpiredError:
                issues["error"] += 1
        deleted = await self._jobs.delete(notes.note(_STATUS))
        shutil.rmtree(notes.folder, ignore_errors=True)
        incomplete = notes.note(_INCOMPLETE) or 0
        return {
            "export": {
                "transaction_time": self._manifest.transaction_time,
                "files": len(self._wanted),
                "files_left_out": self._files_left_out,
                "incomplete_files": incomplete,
                "issues": dict(issues),
                "removed_from_server": deleted,
            },
            "failed": incomplete + sum(issues[severity] for severity in _FATAL),
        }

    async def aclose(self) -> None:
        await self._downloads.aclose()
