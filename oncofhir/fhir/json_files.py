"""Splits the content of a file into JSON resources: one document, an array, NDJSON; gzip and UTF-16, too.

Source: RFC 8259 (JSON), http://hl7.org/fhir/R4/nd-json.html.
"""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

_GZIP = b"\x1f\x8b\x08"
_BOMS = (  # UTF-32 first: its little-endian mark begins with the mark of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAX_UNPACKED = 2**30  # bytes of one file after decompression
_WHITE_SPACE = " \t\r\n"
_NO_TEXT = "the file is not text in UTF-8, UTF-16 or UTF-32"
_NO_JSON = "the file is neither JSON nor NDJSON; save the text of a report as *.txt"


class UnreadableFileError(Exception):
    """The file cannot be split. The message states why, and what to do."""


class Chunk(NamedTuple):
    """One JSON value of a file, or a line that is none.

    `line` is where it begins, from 1; None if it is the whole file. `detail` states why there is no value.
    """

    line: int | None
    raw: bytes
    value: Any = None
    detail: str | None = None


class _AmbiguousError(ValueError):
    """An object has two values for one name."""


def unpacked(raw: bytes) -> bytes:
    """Return the content of a file, decompressed if it is gzip.

    Raises:
        UnreadableFileError: it is damaged, or larger than `MAX_UNPACKED`.
    """
    if not raw.startswith(_GZIP):
        return raw
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            content = stream.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        raise UnreadableFileError(
            "the gzip data is damaged or truncated; copy the file again"
        ) from None
    if len(content) > MAX_UNPACKED:
        raise UnreadableFileError("the file is larger than 1 GiB when unpacked; split it")
    return content


def json_chunks(raw: bytes, *, in_lines: bool) -> Iterator[Chunk]:
    """Yield the JSON values of a file: itself, the elements of an array, or one a line.

    `in_lines` states that the name of the file promises NDJSON; what it holds decides.

    Raises:
        UnreadableFileError: the file is not text, or holds no JSON value at all.
    """
    encoding = _encoding(raw)
    if encoding is None:
        yield from _without_mark(raw, in_lines=in_lines)
        return
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise UnreadableFileError(_NO_TEXT) from None
    yield from _of_text(text, in_lines=in_lines)


def _without_mark(raw: bytes, *, in_lines: bool) -> Iterator[Chunk]:
    """Yield the values of UTF-8 text; single lines may be damaged."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        lines = [line_chunk(number, line) for number, line in enumerate(raw.split(b"\n"), start=1)]
        if all(chunk.detail is not None for chunk in lines):
            raise UnreadableFileError(_NO_TEXT) from None
        yield from (chunk for chunk in lines if chunk.raw.strip())
        return
    yield from _of_text(text, in_lines=in_lines)


def _encoding(raw: bytes) -> str | None:
    """Return the encoding that a mark shows, or the zeros of UTF-16 without one; None for UTF-8."""
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return encoding
    # JSON begins with an ASCII character (RFC 4627, 3), so UTF-16 has a zero byte next to it.
    if raw[:1] == b"\0" and raw[1:2] != b"\0":
        return "utf-16-be"
    return "utf-16-le" if raw[1:2] == b"\0" and raw[2:4] != b"\0\0" else None


def _of_text(text: str, *, in_lines: bool) -> Iterator[Chunk]:
    if not text.strip(_WHITE_SPACE):
        if not in_lines:
            raise UnreadableFileError("the file is empty")
        return
    first = 1 if in_lines else None
    try:
        whole = _parse(text)
    except _AmbiguousError as error:
        if "\n" not in text.strip(_WHITE_SPACE) or not in_lines:
            yield Chunk(first, text.encode(), detail=str(error))
            return
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(whole, list):
            yield from _sequence(text, text.index("[") + 1)
        else:
            yield Chunk(first, text.strip(_WHITE_SPACE).encode(), whole)
        return
    yield from _of_several(text)


def _of_several(text: str) -> Iterator[Chunk]:
    """Yield consecutive values: one per line, or each over several lines."""
    lines = [line_chunk(n, line.encode()) for n, line in enumerate(text.split("\n"), start=1)]
    lines = [chunk for chunk in lines if chunk.raw.strip()]
    if any(chunk.detail is not None for chunk in lines):
        try:
            lines = list(_sequence(text, 0))
        except (ValueError, RecursionError):
            if not any(isinstance(chunk.value, dict) for chunk in lines):
                raise UnreadableFileError(_NO_JSON) from None
    yield from lines


def line_chunk(number: int, raw: bytes) -> Chunk:
    """Return the value of one line of NDJSON, or why it has none."""
    try:
        return Chunk(number, raw, _parse(raw.decode("utf-8")))
    except _AmbiguousError as error:
        return Chunk(number, raw, detail=str(error))
    except (ValueError, RecursionError):
        return Chunk(number, raw, detail="the line is not JSON")


def _sequence(text: str, start: int) -> Iterator[Chunk]:
    """Yield JSON values from `start` on, with white space or commas between them, up to a `]` or the end.

    Raises:
        ValueError, RecursionError: there is something else.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    line, counted, position = 1, 0, start
    while True:
        while position < len(text) and text[position] in _WHITE_SPACE + ",":
            position += 1
        if position >= len(text) or text[position] == "]":
            return
        value, end = decoder.raw_decode(text, position)
        line += text.count("\n", counted, position)
        counted = position
        yield Chunk(line, text[position:end].encode(), value)
        position = end


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _AmbiguousError("an object has two values for one name; which of them counts is open")
    return members
