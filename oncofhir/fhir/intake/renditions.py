"""Fetches and verifies the attachments of a report, and reads the best one of several renditions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oncofhir.fhir.elements import Element, children, string
from oncofhir.fhir.intake.attachment_address import document_url
from oncofhir.fhir.intake.attachments.base64_data import decode_base64, is_data_url, verify
from oncofhir.fhir.intake.attachments.reader import Parse
from oncofhir.fhir.intake.attachments.sniff import IMAGE, UNKNOWN, charset_of, declared_type
from oncofhir.fhir.intake.binary import decode_binary, externalized_address
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import ReportWarning

NOTHING_TO_READ = frozenset(
    {Reason.EMPTY_ATTACHMENT, Reason.IMAGE_ATTACHMENT, Reason.NO_TEXT_LAYER}
)
"""Reasons to read the rest of the report, if it has text, without the attachment."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a report's text, from one element. `before` separates it from the previous one."""

    path: str
    content_type: str
    text: str
    before: str = "\n\n"
    url: str | None = None
    warnings: tuple[ReportWarning, ...] = ()

    def after(self, before: str) -> "Piece":
        """Return the same piece, separated from the previous one by `before`."""
        return replace(self, before=before)


Located = tuple[str, Element]
"""An Attachment with its path."""


async def read_best_rendition(
    attachments: Iterable[Located],
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
    parse: Parse,
) -> list[Piece]:
    """Read the attachments of the most preferred content type that can be read.

    In FHIR several presentedForms or contents are the same in different formats, so one format is read. All
    attachments of that format are read, equal ones once.

    Raises:
        UnreadableReport: for the first attachment that could not be read, if none could; one that holds
            nothing to read counts only if no other failed.
    """
    failures: list[UnreadableReport] = []
    for group in _in_order(attachments, limits):
        try:
            return await _read_group(group, resource, reader, limits, parse)
        except UnreadableReport as error:
            failures.append(error)
    hard = [error for error in failures if error.reason not in NOTHING_TO_READ]
    if failures:
        raise (hard or failures)[0]
    return []


def _in_order(attachments: Iterable[Located], limits: IntakeLimits) -> list[list[Located]]:
    groups: dict[str, list[Located]] = {}
    for path, attachment in attachments:
        groups.setdefault(declared_type(string(attachment, "contentType", path)), []).append(
            (path, attachment)
        )
    rank = {name: position for position, name in enumerate(limits.renditions)}
    last = {UNKNOWN: len(rank) + 1, IMAGE: len(rank) + 2}
    ordered = sorted(groups, key=lambda name: rank.get(name, last.get(name, len(rank))))
    return [groups[name] for name in ordered]


async def _read_group(
    group: list[Located],
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
    parse: Parse,
) -> list[Piece]:
    """Read every attachment of a group that holds something; equal texts count once."""
    pieces: dict[str, Piece] = {}
    nothing: UnreadableReport | None = None
    for path, attachment in group:
        try:
            piece = await _read_attachment(path, attachment, resource, reader, limits, parse)
        except UnreadableReport as error:
            if error.reason not in NOTHING_TO_READ:
                raise
            nothing = nothing or error
        else:
            pieces.setdefault(piece.text, piece)
    if not pieces and nothing is not None:
        raise nothing
    return list(pieces.values())


async def _read_attachment(
    path: str,
    attachment: Element,
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
    parse: Parse,
) -> Piece:
    content_type = string(attachment, "contentType", path)
    if declared_type(content_type) == IMAGE:  # not even fetched
        raise UnreadableReport(Reason.IMAGE_ATTACHMENT, path)
    url = string(attachment, "url", path)
    data, served_type = await _load(path, attachment, url, content_type, resource, reader, limits)
    decoded = await parse(data, _more_precise(content_type, served_type), path, limits)
    return Piece(
        path=path,
        content_type=decoded.content_type,
        text=decoded.text,
        warnings=decoded.warnings,
        url=None
        if url is None or url.startswith("#") or is_data_url(url)
        else document_url(reader.relative(url)),
    )


def _more_precise(declared: str | None, served: str | None) -> str | None:
    """Return the declared content type, or the served one if it is the same with a charset."""
    if declared is None:
        return served
    same = served is not None and declared_type(served) == declared_type(declared)
    return served if same and charset_of(declared) is None else declared


async def _load(
    path: str,
    attachment: Element,
    url: str | None,
    content_type: str | None,
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
) -> tuple[bytes, str | None]:
    """Return the attachment's bytes and their content type. Of `data` and `url`, `data` counts."""
    size, sha1 = _size(attachment, path), string(attachment, "hash", path)
    data = string(attachment, "data", path)
    if data is not None:
        content = decode_base64(data, path, limits.max_attachment_bytes, size=size, sha1=sha1)
        return content, content_type
    if url is None:
        owner = f"{resource.get('resourceType')}/{resource.get('id')}"
        url = externalized_address(attachment, owner, path)
    if url is None:
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
    if is_data_url(url):  # nothing is fetched
        content = decode_base64(
            url, f"{path}.url", limits.max_attachment_bytes, size=size, sha1=sha1
        )
        return content, content_type
    try:
        if url.startswith("#"):
            content, served_type = _contained(resource, url[1:], limits)
        else:
            content, served_type = await reader.fetch_attachment(url, content_type or "*/*")
    except UnreadableReport as error:
        raise UnreadableReport(error.reason, f"{path}.url", error.detail) from error
    verify(content, path, size=size, sha1=sha1)
    return content, served_type


def _size(attachment: Element, path: str) -> int | None:
    """Return the stated size in bytes; R5 writes it as a string (integer64)."""
    size = attachment.get("size")
    if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 20:  # noqa: PLR2004
        return int(size)
    if size is None or (isinstance(size, int) and not isinstance(size, bool)):
        return size
    raise UnreadableReport(Reason.INVALID_RESOURCE, f"{path}.size")


def _contained(
    resource: Mapping[str, Any], name: str, limits: IntakeLimits
) -> tuple[bytes, str | None]:
    contained = find_contained(resource, name)
    if contained is None or contained.get("resourceType") != "Binary":
        raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)
    return decode_binary(contained, limits.max_attachment_bytes)


def find_contained(resource: Mapping[str, Any], name: str) -> Element | None:
    """Return the contained resource whose id is `name`."""
    kind = str(resource.get("resourceType"))
    return next((c for _, c in children(resource, "contained", kind) if c.get("id") == name), None)
