"""The attachments of a report: fetched, verified, and of several renditions the best one read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oncofhir.fhir.elements import Element, children, string
from oncofhir.fhir.intake.attachments.base64_data import decode_base64, verify
from oncofhir.fhir.intake.attachments.reader import Parse
from oncofhir.fhir.intake.attachments.sniff import IMAGE, UNKNOWN, charset_of, declared_type
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.source_reader import ReferenceReader, decode_binary
from oncofhir.fhir.references import origin
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

NOTHING_TO_READ = frozenset(
    {Reason.EMPTY_ATTACHMENT, Reason.IMAGE_ATTACHMENT, Reason.NO_TEXT_LAYER}
)
"""Reasons for which the rest of the report, if it has text, is read without the attachment."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a report's text: one element's own decoded text. `before` parts it from the last."""

    path: str
    content_type: str
    text: str
    before: str = "\n\n"
    url: str | None = None
    unread_pages: int = 0

    def after(self, before: str) -> "Piece":
        """The same piece, parted from the last by this."""
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
    """The text of the attachments of the most preferred content type that can be read.

    FHIR says that several presentedForms or contents are the same in different formats, so one format is
    read; several attachments of that format are all read, equal ones once.

    Raises:
        UnreadableReport: for the first attachment that could not be read, when none could; one that
            holds nothing to read counts only when no other failed.
    """
    failures: list[UnreadableReport] = []
    for group in _in_order(attachments, limits):
        try:
            return await _all_of(group, resource, reader, limits, parse)
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


async def _all_of(
    group: list[Located],
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
    parse: Parse,
) -> list[Piece]:
    """Every attachment of a group that holds something; equal texts once."""
    pieces: dict[str, Piece] = {}
    nothing: UnreadableReport | None = None
    for path, attachment in group:
        try:
            piece = await _read(path, attachment, resource, reader, limits, parse)
        except UnreadableReport as error:
            if error.reason not in NOTHING_TO_READ:
                raise
            nothing = nothing or error
        else:
            pieces.setdefault(piece.text, piece)
    if not pieces and nothing is not None:
        raise nothing
    return list(pieces.values())


async def _read(
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
    data, served_type = await _content(
        path, attachment, url, content_type, resource, reader, limits
    )
    decoded = await parse(data, _more_precise(content_type, served_type), path, limits)
    return Piece(
        path=path,
        content_type=decoded.content_type,
        text=decoded.text,
        unread_pages=decoded.unread_pages,
        url=None if url is None or url.startswith("#") else normal_url(reader.relative(url)),
    )


def _more_precise(declared: str | None, served: str | None) -> str | None:
    """The declared content type, unless the server names the same one with a charset."""
    if declared is None:
        return served
    same = served is not None and declared_type(served) == declared_type(declared)
    return served if same and charset_of(declared) is None else declared


async def _content(
    path: str,
    attachment: Element,
    url: str | None,
    content_type: str | None,
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
) -> tuple[bytes, str | None]:
    """The attachment's bytes. Where it has both, `data` counts: the url points to the same content."""
    size, sha1 = _size(attachment, path), string(attachment, "hash", path)
    data = string(attachment, "data", path)
    if data is not None:
        content = decode_base64(data, path, limits.max_attachment_bytes, size=size, sha1=sha1)
        return content, content_type
    if url is None:
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path)
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
    """The stated size in bytes; R5 writes it as a string (integer64)."""
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
    """The contained resource whose id is `name`."""
    kind = str(resource.get("resourceType"))
    return next((c for _, c in children(resource, "contained", kind) if c.get("id") == name), None)


def normal_url(url: str) -> str:
    """One spelling of an attachment's URL: without version, query and fragment, origin in lower case."""
    bare = url.partition("#")[0].partition("?")[0]
    start = origin(bare)
    if start is not None:
        rest = bare.split("://", 1)[1].partition("/")[2]
        bare = f"{start}/{rest}"
    return bare.partition("/_history/")[0].rstrip("/")
