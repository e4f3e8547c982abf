"""Reads a DiagnosticReport or DocumentReference into a Report: its text and its metadata."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from oncofhir.fhir.elements import child, children, instant, string
from oncofhir.fhir.intake.attachments.charset import plain_text
from oncofhir.fhir.intake.attachments.decoded_text import DecodedText, replace_unencodable
from oncofhir.fhir.intake.attachments.reader import Parse, parse_here
from oncofhir.fhir.intake.limits import IntakeLimits as IntakeLimits  # noqa: PLC0414 - part of this interface
from oncofhir.fhir.intake.metadata import (
    effective_of,
    encounter_of,
    read_gender,
    read_subject,
    security_of,
    source_of,
    specimen_of,
)
from oncofhir.fhir.intake.renditions import NOTHING_TO_READ, Located, Piece, read_best_rendition
from oncofhir.fhir.intake.results import concept_text, read_results
from oncofhir.fhir.intake.sections import sections
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.fhir.intake.specimen_labels import read_specimens_by_part
from oncofhir.fhir.intake.specimen_parts import parts
from oncofhir.fhir.intake.specimen_sites import read_specimen_sites
from oncofhir.fhir.intake.triage import report_categories, report_types
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, SourceReference
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Part, Report, ReportWarning, Section, Segment

_LONG = 100_000  # characters; a page has about 3,000
_AUTHORED_NARRATIVE = frozenset({"additional", "extensions"})


async def read_report(
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    limits: IntakeLimits,
    *,
    parse: Parse = parse_here,
) -> Report:
    """Read the report that a resource holds.

    Attachments come first, then the conclusion and the names of its codes unless the attachments have the
    same words, then results in words and the sites of the specimens. The narrative is read only if there is
    nothing else.

    Raises:
        UnreadableReport: with the reason. Some are skips, not dead letters: see `Disposition`.
        DependencyUnavailable, AccessDenied: the source of what the report refers to is unavailable.
    """
    kind = resource.get("resourceType")
    if kind not in REPORT_TYPES or not isinstance(kind, str):
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE)
    source = source_of(resource, kind)
    status = string(resource, "status", kind)
    if status is None:
        raise UnreadableReport(Reason.MISSING_STATUS, f"{kind}.status")
    subject = await read_subject(resource, kind, reader)
    attached, pieces = await _pieces(resource, kind, reader, limits, parse)
    text, segments = _joined(pieces)
    if len(text) > limits.max_text_characters:
        raise UnreadableReport(Reason.TEXT_TOO_LONG, kind)
    meta = child(resource, "meta", kind) or {}
    found, in_parts = await _structure(text)
    labels = {part.label for part in in_parts}
    return Report(
        source=source,
        source_last_updated=instant(string(meta, "lastUpdated", f"{kind}.meta")),
        status=status,
        subject=subject,
        patient_gender=await read_gender(subject, reader),
        encounter=encounter_of(resource, kind),
        effective=effective_of(resource, kind),
        issued=string(resource, "issued" if kind == "DiagnosticReport" else "date", kind),
        specimen=specimen_of(resource, kind, reader),
        specimens=await read_specimens_by_part(resource, reader, labels, limits),
        categories=report_categories(resource),
        types=report_types(resource),
        security=security_of(meta, f"{kind}.meta"),
        text=text,
        text_sha256=sha256_of(text),
        content_key=_content_key(attached or pieces),
        words_sha256=_words_sha256(attached or pieces),
        segments=segments,
        sections=found,
        parts=in_parts,
        warnings=_warnings(resource, kind, pieces, limits),
    )


async def _structure(text: str) -> tuple[tuple[Section, ...], tuple[Part, ...]]:
    """Find sections and parts; in a thread if the text is long, because that takes up to some seconds."""

    def find() -> tuple[tuple[Section, ...], tuple[Part, ...]]:
        found = sections(text)
        return found, parts(text, found)

    return find() if len(text) < _LONG else await asyncio.to_thread(find)


def _warnings(
    resource: Mapping[str, Any], kind: str, pieces: list[Piece], limits: IntakeLimits
) -> tuple[ReportWarning, ...]:
    results = resource.get("result") if kind == "DiagnosticReport" else None
    found = {warning for piece in pieces for warning in piece.warnings}
    if isinstance(results, list) and len(results) > limits.max_results:
        found.add(ReportWarning.RESULTS_LEFT_OUT)
    return tuple(warning for warning in ReportWarning if warning in found)


async def read_document(
    data: bytes, content_type: str, name: str, limits: IntakeLimits, *, parse: Parse = parse_here
) -> Report:
    """Read a document without a resource as a report, as an attachment of this content type is read.

    Its id and its patient are named after its text. `name` is the location of errors.

    Raises:
        UnreadableReport: what `read_attachment` raises.
    """
    decoded = await parse(data, content_type, name, limits)
    return _bare_report(decoded)


def report_from_text(data: bytes, name: str) -> Report:
    """Build a report from a text file. Its id and its patient are named after its text.

    Raises:
        UnreadableReport: undecodable-text, empty-attachment.
    """
    text = replace_unencodable(plain_text(data, None, name))
    if not text.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, name)
    return _bare_report(DecodedText(text=text, content_type="text/plain"))


def _bare_report(decoded: DecodedText) -> Report:
    text = decoded.text
    digest = sha256_of(text)
    found = sections(text)
    return Report(
        source=SourceReference(type="DocumentReference", id=digest[:32]),
        status="current",
        subject=f"Patient/{digest[:32]}",
        text=text,
        text_sha256=digest,
        content_key=digest,
        segments=(Segment(start=0, end=len(text), path="text", content_type=decoded.content_type),),
        sections=found,
        parts=parts(text, found),
        warnings=decoded.warnings,
    )


async def _pieces(
    resource: Mapping[str, Any],
    kind: str,
    reader: ReferenceReader,
    limits: IntakeLimits,
    parse: Parse,
) -> tuple[list[Piece], list[Piece]]:
    """Read the pieces of the attachments, and all pieces of the report in reading order."""
    failure: UnreadableReport | None = None
    try:
        attached = await read_best_rendition(
            _attachments(resource, kind), resource, reader, limits, parse
        )
    except UnreadableReport as error:
        if error.reason not in NOTHING_TO_READ:
            raise
        failure, attached = error, []
    pieces = list(attached)
    if kind == "DiagnosticReport":
        conclusion = string(resource, "conclusion", kind)
        if conclusion is not None and _bare(conclusion) not in _words_of(pieces):
            pieces.append(_plain(f"{kind}.conclusion", conclusion))
        pieces += _conclusion_codes(resource, kind, _words_of(pieces), limits)
        pieces += await read_results(resource, reader, limits, fetch=not attached)
        if pieces:  # a site alone is no report
            sites = await read_specimen_sites(resource, reader, limits, fetch=not attached)
            known = _words_of(pieces) if sites else ""
            pieces += [p for site in sites if _bare(site[-1].text) not in known for p in site]
    if not pieces:
        only_authored = failure is not None
        pieces += await _narrative(resource, kind, limits, parse, only_authored=only_authored)
    if not pieces:
        raise failure or UnreadableReport(Reason.NO_TEXT, kind)
    return attached, pieces


def _attachments(resource: Mapping[str, Any], kind: str) -> Iterator[Located]:
    if kind == "DiagnosticReport":
        yield from children(resource, "presentedForm", kind)
        return
    for at, content in children(resource, "content", kind):
        attachment = child(content, "attachment", at)
        if attachment is not None:
            yield f"{at}.attachment", attachment


def _conclusion_codes(
    resource: Mapping[str, Any], kind: str, known: str, limits: IntakeLimits
) -> Iterator[Piece]:
    """Yield the names of the codes of the conclusion that the report does not contain already."""
    for at, concept in islice(children(resource, "conclusionCode", kind), limits.max_results):
        name = concept_text(concept, at)
        if name is not None and _bare(name.text) not in known:
            yield name


def _bare(text: str) -> str:
    """Return a text with single blanks, to compare it with another."""
    return " ".join(text.split())


def _words_of(pieces: list[Piece]) -> str:
    """Return the text of all pieces in the form of `_bare`; no text spans two of them."""
    return "\n".join(_bare(piece.text) for piece in pieces)


def _plain(path: str, text: str) -> Piece:
    return Piece(path=path, content_type="text/plain", text=replace_unencodable(text))


async def _narrative(
    resource: Mapping[str, Any],
    kind: str,
    limits: IntakeLimits,
    parse: Parse,
    *,
    only_authored: bool,
) -> list[Piece]:
    """Read the narrative unless it only repeats data; that of a DocumentReference describes the document."""
    narrative = child(resource, "text", kind)
    if narrative is None:
        return []
    status = string(narrative, "status", f"{kind}.text")
    if status == "empty" or (
        (only_authored or kind == "DocumentReference") and status not in _AUTHORED_NARRATIVE
    ):
        return []
    path = f"{kind}.text.div"
    div = string(narrative, "div", f"{kind}.text")
    if div is None:
        return []
    try:
        decoded = await parse(replace_unencodable(div).encode(), "text/html", path, limits)
    except UnreadableReport as error:
        if error.reason is Reason.EMPTY_ATTACHMENT:
            return []
        raise
    return [Piece(path=path, content_type="text/html", text=decoded.text)]


def _joined(pieces: list[Piece]) -> tuple[str, tuple[Segment, ...]]:
    """Join the pieces; return the text and the segment of each."""
    texts: list[str] = []
    segments: list[Segment] = []
    length = 0
    for piece in pieces:
        text = replace_unencodable(piece.text)
        if texts:
            texts.append(piece.before)
            length += len(piece.before)
        segments.append(
            Segment(
                start=length,
                end=length + len(text),
                path=piece.path,
                content_type=piece.content_type,
            )
        )
        texts.append(text)
        length += len(text)
    return "".join(texts), tuple(segments)


def _content_key(pieces: list[Piece]) -> str:
    """Return the first attachment's URL, else the hash of the text of the attachments, else of all text."""
    if pieces[0].url is not None:
        return pieces[0].url
    return _words_sha256(pieces)


def _words_sha256(pieces: list[Piece]) -> str:
    return sha256_of("\n\n".join(piece.text for piece in pieces))
