"""XML without its dangers, and CDA documents (http://hl7.org/cda) in particular."""

import zlib
from collections.abc import Callable, Iterator

from lxml import etree

from oncofhir.fhir.attachments.base64data import decoded_base64
from oncofhir.fhir.attachments.flow import Flow
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_CDA = "urn:hl7-org:v3"
_XHTML = "http://www.w3.org/1999/xhtml"
_PARAGRAPHS = frozenset({"paragraph", "list", "table", "title"})
_BLOCKS = _PARAGRAPHS | frozenset({"item", "tr", "caption", "thead", "tbody", "tfoot", "text"})
_CELLS = frozenset({"td", "th"})

Reader = Callable[[bytes, str | None], str]
"""Reads what a non-XML body holds: (bytes, media type) to text."""


def xml_text(data: bytes, max_bytes: int, path: str, read_body: Reader) -> str:
    """The text of an XML document.

    A CDA document gives its title and its sections' titles and narrative, without the header's names and
    identifiers, or what its non-XML body holds; other XML gives all its text, one element a line.
    Entities are never expanded, nothing is fetched, and a document that declares entities is refused.

    Raises:
        UnreadableReport: unreadable-document, and what reading a non-XML body raises.
    """
    root = parsed_xml(data, path)
    if root.tag == f"{{{_CDA}}}ClinicalDocument":
        return _cda_text(root, max_bytes, path, read_body)
    flow = Flow()
    for element in root.iter(etree.Element):
        _line(flow, element.text)
        if element is not root:
            _line(flow, element.tail)
    return flow.text()


def is_xhtml(data: bytes, path: str) -> bool:
    """Whether the document's root is XHTML's."""
    return parsed_xml(data, path).tag == f"{{{_XHTML}}}html"


def parsed_xml(data: bytes, path: str) -> etree._Element:
    """The root of an XML document, parsed without entities, network or unbounded trees.

    Raises:
        UnreadableReport: unreadable-document.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and list(dtd.iterentities()):  # type: ignore[union-attr] # not in the stubs
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "declares entities")
    return root


def _line(flow: Flow, text: str | None) -> None:
    if text and text.strip():
        flow.line()
        flow.inline(text)


def _cda_text(root: etree._Element, max_bytes: int, path: str, read_body: Reader) -> str:
    body = root.find(f"{{{_CDA}}}component/{{{_CDA}}}nonXMLBody/{{{_CDA}}}text")
    if body is not None:
        return _embedded(body, max_bytes, path, read_body)
    flow = Flow()
    title = root.find(f"{{{_CDA}}}title")
    if title is not None:
        flow.inline("".join(map(str, title.itertext())))
    for section in root.iter(f"{{{_CDA}}}section"):
        narrative = section.find(f"{{{_CDA}}}text")
        title = section.find(f"{{{_CDA}}}title")
        for part in (title, narrative):
            if part is not None:
                flow.line(blank=True)
                _narrative(flow, part)
        if narrative is None or not "".join(map(str, narrative.itertext())).strip():
            for note in _embedded_notes(section):
                flow.line(blank=True)
                flow.preformatted(_embedded(note, max_bytes, path, read_body))
    return flow.text()


def _embedded_notes(section: etree._Element) -> Iterator[etree._Element]:
    """Whole notes in base64 within a section's own entries (C-CDA R2.1 Companion Guide, Note Activity).

    A section's narrative must say the same, so they are read only where it says nothing.
    """
    for text in section.iterfind(f"{{{_CDA}}}entry//{{{_CDA}}}text"):
        if text.get("representation") == "B64" and "".join(map(str, text.itertext())).strip():
            yield text


def _narrative(flow: Flow, root: etree._Element) -> None:
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = etree.QName(element).localname
        struck_out = element.get("revised") == "delete"
        if event == "start":
            if struck_out or element.get("representation") == "B64":
                walk.skip_subtree()
                continue
            _begin(flow, name)
            flow.inline(element.text or "")
        else:
            if not struck_out and name in _BLOCKS:
                flow.line(blank=name in _PARAGRAPHS)
            if element is not root:
                flow.inline(element.tail or "")


def _begin(flow: Flow, name: str) -> None:
    if name == "br":
        flow.line_break()
    elif name in _CELLS:
        flow.cell()
    elif name in _BLOCKS:
        flow.line(blank=name in _PARAGRAPHS)


def _embedded(text: etree._Element, max_bytes: int, path: str, read_body: Reader) -> str:
    """A body in base64, perhaps compressed (CDA R2, ED data type), or as characters."""
    content = "".join(map(str, text.itertext()))
    if not content.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path, "non-XML body")
    media_type = text.get("mediaType", "text/plain")
    if text.get("representation") != "B64":
        return read_body(content.encode(), f"{media_type}; charset=utf-8")
    data = decoded_base64(content, path, max_bytes)
    if text.get("compression") in {"DF", "ZL"}:
        data = _inflated(data, max_bytes, path, raw=text.get("compression") == "DF")
    return read_body(data, media_type)


def _inflated(data: bytes, max_bytes: int, path: str, *, raw: bool) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    try:
        content = inflater.decompress(data, max_bytes + 1)
    except zlib.error:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "compression") from None
    if len(content) > max_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path)
    if not inflater.eof:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "compression")
    return content
