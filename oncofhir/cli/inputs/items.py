"""Reads PATH arguments: files, folders, standard input; one item for each resource, in input order.

Source of the rules: contract, `oncofhir extract PATH…`.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from oncofhir.cli.inputs.messages import read_messages
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.fhir.bundle_references import literal_bundle
from oncofhir.fhir.json_files import Chunk, UnreadableFileError, json_chunks, unpacked
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

STDIN = "-"
# Files that are read as attachments are: as the text of one report.
DOCUMENTS = {
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".rtf": "application/rtf",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xml": "application/xml",
}
_IN_LINES = frozenset({".ndjson", ".jsonl"})
# What counts in a folder. Notes and data of other kinds are often named *.md and *.jsonl, so these count only
# if they are named themselves.
_MESSAGES = ".hl7"
SUFFIXES = frozenset(
    {*DOCUMENTS, _MESSAGES, ".json", ".ndjson", ".json.gz", ".ndjson.gz", ".hl7.gz"}
) - {".md"}
_ONLY_IF_NAMED = frozenset({".md", ".jsonl", ".jsonl.gz"})
_MAX_EXPLAINED = 10
_BY_DEFAULT = Hl7v2Settings()
_FHIR_XML = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>)?\s*<[A-Z]\w+\s[^>]{0,500}[\"']http://hl7\.org/fhir[\"']"
)


class Item(Value):
    """One thing that was read: a resource, a document, or something that is neither.

    `line` is where a resource begins in NDJSON or an array, from 1, else None. `raw` is the bytes of the
    resource or the document. `content_type` is that of a document. `detail` states why `error` applies.
    Of HL7 v2 `line` is the number of the message, and `companions` are what its report refers to.
    """

    file: str
    line: int | None = None
    raw: bytes = Field(b"", repr=False)
    resource: dict[str, Any] | None = None
    companions: tuple[dict[str, Any], ...] = ()
    content_type: str | None = None
    error: Reason | None = None
    detail: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is a document, whose text is a report without a resource."""
        return self.content_type is not None and self.error is None

    @property
    def holds_reports(self) -> bool:
        """Whether this item has output lines: reports, a document, or an error."""
        if self.is_text or self.error:
            return True
        return any(True for _ in reports_in(self.resource or {}))


def reports_in(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the reports of a resource: itself, or those in its Bundle, at any depth."""
    kind = resource.get("resourceType")
    if kind in REPORT_TYPES:
        yield resource
    elif kind == "Bundle":
        for entry in _entries(resource):
            yield from reports_in(entry)


def companions_in(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything in a resource that a reference may resolve to, reports included."""
    if resource.get("resourceType") == "Bundle":
        for entry in _entries(resource):
            yield from companions_in(entry)
    elif resource.get("resourceType"):
        yield resource


def _entries(bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    entries = literal_bundle(bundle).get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def missing(paths: Iterable[str]) -> list[str]:
    """Return the paths that do not exist."""
    return [path for path in paths if path != STDIN and not Path(path).exists()]


def read(paths: Iterable[str], hl7v2: Hl7v2Settings = _BY_DEFAULT) -> Iterator[Item]:
    """Yield every item under the paths; a folder is read recursively, in the order of its names.

    A file that is named itself is read whatever its name is; in a folder only names that end in one of
    `SUFFIXES` count.
    """
    for path in paths:
        if path == STDIN:
            yield from _resource_items(STDIN, sys.stdin.buffer.read(), "")
        elif Path(path).is_dir():
            for file in sorted(Path(path).rglob("*")):
                if file.is_file() and _suffix(file) in SUFFIXES:
                    yield from _file_items(file, hl7v2)
        else:
            yield from _file_items(Path(path), hl7v2)


def ignored(paths: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each folder with files that are read only if they are named themselves."""
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            found = [
                f for f in Path(path).rglob("*") if f.is_file() and _suffix(f) in _ONLY_IF_NAMED
            ]
            kinds = sorted({_suffix(file) for file in found})
            if found:
                listed = ", ".join(f"*{kind}" for kind in kinds)
                yield f"{path}: left out {len(found)} of {listed}; name such files to read them"


def explanations(items: Iterable[Item]) -> Iterator[str]:
    """Yield a sentence for each item that is neither JSON nor HL7 v2: why, and what to do; at most ten."""
    explained = [
        item
        for item in items
        if item.detail is not None
        and (item.error is Reason.NOT_JSON or _is_message_file(item.file))
    ]
    for item in explained[:_MAX_EXPLAINED]:
        if item.file == STDIN and item.line is None:
            yield (
                "standard input is not JSON. It takes FHIR resources as JSON or NDJSON; save the text of a "
                "report as *.txt"
            )
        else:
            where = item.file if item.line is None else f"{item.file}:{item.line}"
            yield f"{where}: {item.detail}"
    if len(explained) > _MAX_EXPLAINED:
        yield f"{len(explained) - _MAX_EXPLAINED} more cannot be read"


def _suffix(file: Path) -> str:
    """Return the suffix in lower case, with the one before `.gz`."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _is_message_file(name: str) -> bool:
    return _suffix(Path(name)).removesuffix(".gz") == _MESSAGES


def _message_items(file: str, raw: bytes, hl7v2: Hl7v2Settings) -> Iterator[Item]:
    try:
        reports = list(read_messages(unpacked(raw), hl7v2))
    except UnreadableFileError as error:
        yield Item(file=file, raw=raw, error=Reason.INVALID_HL7V2, detail=str(error))
        return
    for number, resource, companions, reason, detail in reports:
        yield Item(
            file=file,
            line=number if reports[-1].number > 1 else None,
            raw=b"" if resource is None else json.dumps(resource).encode(),
            resource=resource,
            companions=companions,
            error=reason,
            detail=detail,
        )


def _file_items(file: Path, hl7v2: Hl7v2Settings) -> Iterator[Item]:
    raw, suffix = file.read_bytes(), _suffix(file)
    if _is_message_file(file.name):
        yield from _message_items(str(file), raw, hl7v2)
        return
    content_type = DOCUMENTS.get(suffix.removesuffix(".gz"))
    if content_type is not None and suffix.endswith(".gz"):
        try:
            raw = unpacked(raw)
        except UnreadableFileError as error:
            yield Item(file=str(file), raw=raw, error=Reason.UNREADABLE_DOCUMENT, detail=str(error))
            return
    if content_type is None:
        yield from _resource_items(str(file), raw, suffix.removesuffix(".gz"))
    elif suffix == ".xml" and _FHIR_XML.match(raw):
        detail = "FHIR in XML is not read; export the resource as FHIR JSON"
        yield Item(file=str(file), raw=raw, error=Reason.NOT_JSON, detail=detail)
    else:
        yield Item(file=str(file), raw=raw, content_type=content_type)


def _resource_items(file: str, raw: bytes, suffix: str) -> Iterator[Item]:
    try:
        for chunk in json_chunks(unpacked(raw), in_lines=suffix in _IN_LINES):
            item = _item(file, chunk)
            yield from _opened(item) if item.error is Reason.NOT_A_RESOURCE else (item,)
    except UnreadableFileError as error:
        yield Item(file=file, raw=raw, error=Reason.NOT_JSON, detail=str(error))


def _opened(item: Item) -> Iterator[Item]:
    """Yield the reports of an envelope, such as a saved Kafka record; the item itself if it is none."""
    try:
        events = decode(item.raw, (), item.file)
    except UnreadableReport:
        events = ()
    found = [event for event in events if event.resource is not None]
    for event in found:
        yield item.model_copy(
            update={
                "resource": event.resource,
                "companions": event.companions,
                "error": None,
                "detail": None,
            }
        )
    if not found:
        yield item


def _item(file: str, chunk: Chunk) -> Item:
    if chunk.detail is not None:
        error, detail = Reason.NOT_JSON, chunk.detail
        return Item(file=file, line=chunk.line, raw=chunk.raw, error=error, detail=detail)
    resource = chunk.value
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        detail = "JSON, but no FHIR resource: it has no resourceType"
        return Item(
            file=file, line=chunk.line, raw=chunk.raw, error=Reason.NOT_A_RESOURCE, detail=detail
        )
    return Item(file=file, line=chunk.line, raw=chunk.raw, resource=resource)
