"""Bulk Data files as a source: NDJSON line by line, plain or gzip, of any size; other JSON as a whole.

Source: http://hl7.org/fhir/uv/bulkdata/ (output files), http://hl7.org/fhir/R4/nd-json.html.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from oncofhir.fhir.json_files import UnreadableFileError, json_chunks, line_chunk, unpacked
from oncofhir.ingest.backfill.source import Extent, Item, Notes, Position
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError

SUFFIXES = (".ndjson", ".json", ".jsonl")
_GZIP = b"\x1f\x8b\x08"
_HEAD_BYTES = 64 * 2**10
_WHOLE_BYTES = 256 * 2**20  # largest file of another form than NDJSON
_WHITE_SPACE = b" \t\r\n\xef\xbb\xbf"


def find_files(paths: Iterable[Path]) -> tuple[list[Path], int]:
    """Return the JSON and NDJSON files among the paths, folders recursively by name, and how many others.

    A file that is named itself is taken whatever its name is.

    Raises:
        SettingsError: a path does not exist, or there is no such file.
    """
    files: list[Path] = []
    others = 0
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file())
            wanted = [file for file in inside if _is_json(file)]
            files += wanted
            others += len(inside) - len(wanted)
        elif path.is_file():
            files.append(path)
        else:
            raise SettingsError(f"no such file or folder: {path}")
    if not files:
        raise SettingsError(
            f"no file to read: none of the {others} files in the folders ends with "
            f"{', '.join(SUFFIXES)}, or one of these and .gz; name a file itself to read it anyway"
        )
    return files, others


def _is_json(file: Path) -> bool:
    return file.name.lower().removesuffix(".gz").endswith(SUFFIXES)


class Files:
    """The items of files, in their order.

    A position is the number of the file, the number of the last line or value that was read, and the offset
    in bytes behind it, after decompression. Lines over `max_line_bytes` are skipped without being held.

    Raises:
        SettingsError: a file cannot be read.
    """

    may_repeat = False
    activity = ""

    def __init__(self, files: Sequence[Path], *, page_size: int, max_line_bytes: int) -> None:
        self._files = list(files)
        self._page_size = page_size
        self._max_line_bytes = max_line_bytes
        self._sizes, self._identity = [], []
        for file in self._files:
            try:
                with file.open("rb") as stream:
                    head = hashlib.sha256(stream.read(_HEAD_BYTES)).hexdigest()
                self._sizes.append(file.stat().st_size)
            except OSError as error:
                raise SettingsError(f"cannot read {file}: {error.strerror}") from error
            self._identity.append([file.name, self._sizes[-1], head])
        self._done = 0

    @property
    def identity(self) -> Mapping[str, Any]:
        """Names, sizes and hashes of the beginnings: a file that was replaced is noticed."""
        return {"source": "files", "files": self._identity}

    @property
    def extent(self) -> Extent:
        return Extent(self._done, sum(self._sizes))

    async def finish(self, notes: Notes) -> Mapping[str, Any]:
        del notes
        return {"files": len(self._files)}

    async def aclose(self) -> None:
        """Nothing stays open between two pages but the file of the iterator itself."""

    async def pages(self, after: Position | None, notes: Notes) -> AsyncIterator[list[Item]]:
        """Yield the items after a position. A file that is damaged yields an item that says so."""
        del notes
        page: list[Item] = []
        first = after["file"] if after else 0
        for number in range(first, len(self._files)):
            resumed = after if after and number == after["file"] else None
            for item in self._items(number, resumed):
                page.append(item)
                if len(page) == self._page_size:
                    yield page
                    page = []
            self._done = sum(self._sizes[: number + 1])
        if page:
            yield page

    def _items(self, number: int, after: Position | None) -> Iterator[Item]:
        file = self._files[number]
        line = after["line"] if after else 0
        end = {"file": number + 1, "line": 0, "offset": 0}
        try:
            with file.open("rb") as raw:
                stream = _content(raw)
                if not self._is_in_lines(file):
                    yield from self._whole(number, after)
                    return
                if after:
                    stream.seek(after["offset"])
                for item in self._lines(number, stream, line):
                    line = item.position["line"]
                    self._done = sum(self._sizes[:number]) + raw.tell()
                    yield item
        except (OSError, EOFError, zlib.error) as error:
            detail = f"the file is damaged or truncated behind line {line} ({type(error).__name__})"
            yield Item(str(file.name), b"", end, Reason.UNREADABLE_DOCUMENT, detail)
        except UnreadableFileError as error:
            yield Item(str(file.name), b"", end, Reason.NOT_JSON, str(error))

    def _lines(self, number: int, stream: IO[bytes], line: int) -> Iterator[Item]:
        name = self._files[number].name
        while piece := stream.readline(self._max_line_bytes):
            line += 1
            too_long = not piece.endswith(b"\n") and len(piece) == self._max_line_bytes
            while too_long and (more := stream.readline(_HEAD_BYTES)):
                if more.endswith(b"\n"):
                    break
            position = {"file": number, "line": line, "offset": stream.tell()}
            if too_long:
                detail = f"the line has more than {self._max_line_bytes} bytes"
                yield Item(f"{name}:{line}", b"", position, Reason.BROKER_REJECTED, detail)
            elif content := piece.strip(_WHITE_SPACE):
                yield Item(f"{name}:{line}", content, position)

    def _whole(self, number: int, after: Position | None) -> Iterator[Item]:
        file = self._files[number]
        if file.stat().st_size > _WHOLE_BYTES:
            raise UnreadableFileError(
                "the file is not NDJSON, and too large to be read as one value"
            )
        done = after["line"] if after else 0
        chunks = json_chunks(unpacked(file.read_bytes()), in_lines=_is_json(file))
        for entry, chunk in enumerate(chunks, start=1):
            if entry > done:
                position = {"file": number, "line": entry, "offset": 0}
                origin = file.name if chunk.line is None else f"{file.name}:{chunk.line}"
                if len(chunk.raw) >= self._max_line_bytes:
                    detail = f"the entry has {self._max_line_bytes} bytes or more"
                    yield Item(origin, b"", position, Reason.BROKER_REJECTED, detail)
                else:
                    yield Item(origin, chunk.raw, position)

    def _is_in_lines(self, file: Path) -> bool:
        """Return whether the first line is a JSON value by itself; a file too large to be held is NDJSON."""
        if file.stat().st_size > _WHOLE_BYTES:
            return True
        with file.open("rb") as raw:
            stream = _content(raw)
            while piece := stream.readline(self._max_line_bytes):
                if content := piece.strip(_WHITE_SPACE):
                    return isinstance(line_chunk(1, content).value, dict)
        return True


def _content(raw: IO[bytes]) -> IO[bytes]:
    """Return the content of an open file, decompressed if it is gzip."""
    is_gzip = raw.read(len(_GZIP)) == _GZIP
    raw.seek(0)
    return io.BufferedReader(gzip.GzipFile(fileobj=raw)) if is_gzip else raw
