"""Reads PATH arguments: files, folders, standard input; one item a report, in input order.

Source of the rules: contract, `oncofhir extract PATH…`.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from oncofhir.schemas.base import Value
from oncofhir.schemas.event import REPORT_TYPES
from oncofhir.schemas.reasons import Reason

STDIN = "-"
SUFFIXES = (".json", ".ndjson", ".txt")


class Item(Value):
    """One thing that was read: a resource, a text file, or something that is neither.

    `line` counts from 1 in NDJSON, else it is None. `raw` is the bytes as they were read.
    """

    file: str
    line: int | None = None
    raw: bytes = Field(b"", repr=False)
    resource: dict[str, Any] | None = None
    is_text: bool = False
    error: Reason | None = None

    @property
    def holds_reports(self) -> bool:
        """Whether a report's output line is owed for this item."""
        if self.is_text or self.error:
            return True
        return any(True for _ in reports_in(self.resource or {}))


def reports_in(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The reports of a resource: itself, or those that its Bundle holds, however deep."""
    kind = resource.get("resourceType")
    if kind in REPORT_TYPES:
        yield resource
    elif kind == "Bundle":
        for entry in _entries(resource):
            yield from reports_in(entry)


def companions_in(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything in a resource that a reference may resolve to, reports included."""
    if resource.get("resourceType") == "Bundle":
        for entry in _entries(resource):
            yield from companions_in(entry)
    elif resource.get("resourceType"):
        yield resource


def _entries(bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def missing(paths: Iterable[str]) -> list[str]:
    """The paths that name nothing."""
    return [path for path in paths if path != STDIN and not Path(path).exists()]


def read(paths: Iterable[str]) -> Iterator[Item]:
    """Every item under the paths; a folder is read recursively, in the order of its names.

    A file that is named itself is read whatever its name; in a folder only `SUFFIXES` count.
    """
    for path in paths:
        if path == STDIN:
            yield from _json_items(STDIN, sys.stdin.buffer.read(), lines=None)
        elif Path(path).is_dir():
            for file in sorted(Path(path).rglob("*")):
                if file.is_file() and file.suffix.lower() in SUFFIXES:
                    yield from _file_items(file)
        else:
            yield from _file_items(Path(path))


def explanations(items: Iterable[Item]) -> Iterator[str]:
    """A sentence for each input that is not JSON: what it should be."""
    for file in dict.fromkeys(item.file for item in items if item.error is Reason.NOT_JSON):
        if file == STDIN:
            yield (
                "standard input is not JSON. It takes FHIR resources as JSON or NDJSON; save the text of a "
                "report as *.txt"
            )
        elif Path(file).suffix.lower() not in SUFFIXES:
            yield f"{file} is not FHIR JSON. Save the text of a report as *.txt"


def _file_items(file: Path) -> Iterator[Item]:
    raw = file.read_bytes()
    if file.suffix.lower() == ".txt":
        yield Item(file=str(file), raw=raw, is_text=True)
    else:
        yield from _json_items(str(file), raw, lines=file.suffix.lower() == ".ndjson")


def _json_items(file: str, raw: bytes, *, lines: bool | None) -> Iterator[Item]:
    """Items of JSON (one document) or NDJSON; `lines` None means: whichever it is."""
    if lines is None:
        whole = _item(file, None, raw)
        lines = any(map(_is_json, raw.split(b"\n"))) if whole.error is Reason.NOT_JSON else False
        if not lines:
            yield whole
            return
    if not lines:
        yield _item(file, None, raw)
        return
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line.strip():
            yield _item(file, number, line)


def _is_json(line: bytes) -> bool:
    return bool(line.strip()) and _item("", None, line).error is not Reason.NOT_JSON


def _item(file: str, line: int | None, raw: bytes) -> Item:
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Item(file=file, line=line, raw=raw, error=Reason.NOT_JSON)
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        return Item(file=file, line=line, raw=raw, error=Reason.NOT_A_RESOURCE)
    return Item(file=file, line=line, raw=raw, resource=content)
