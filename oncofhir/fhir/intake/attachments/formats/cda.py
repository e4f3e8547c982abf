"""CDA documents, sections and narratives (http://hl7.org/cda), and the text of any other XML."""

import re
import zlib
from collections.abc import Iterator

from lxml import etree

from oncofhir.fhir.intake.attachments.base64_data import decode_base64
from oncofhir.fhir.intake.attachments.formats.body import ReadBody
from oncofhir.fhir.intake.attachments.formats.flow import Flow
from oncofhir.fhir.intake.attachments.formats.html_styles import is_unseen_style
from oncofhir.fhir.intake.attachments.formats.xml import parse_xml
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_CDA = "urn:hl7-org:v3"
_PARAGRAPHS = frozenset({"paragraph", "list", "table", "title"})
_BLOCKS = _PARAGRAPHS | frozenset({"item", "tr", "caption", "thead", "tbody", "tfoot", "text"})
_CELLS = frozenset({"td", "th"})
# The elements of a narrative (CDA R2, 4.3.5): http://hl7.org/cda, NarrativeBlock.
_OF_NARRATIVE = (
    _BLOCKS
    | _CELLS
    | frozenset(
        {
            "br",
            "content",
            "col",
            "colgroup",
            "footnote",
            "footnoteRef",
            "linkHtml",
            "renderMultiMedia",
            "sub",
            "sup",
        }
    )
)
# Local style codes of EHRs for text that is struck out or hidden; the standard defines none.
_UNSEEN_CODES = re.compile(r"strike|line-?through|\bx?hidden\b", re.IGNORECASE)


def xml_text(data: bytes, max_bytes: int, path: str, read_body: ReadBody) -> str:
    """Return the text of an XML document.

    Of a CDA document, this is its title and the titles and narratives of its sections, or its non-XML body,
    without the names and identifiers of the header; a section or a narrative that stands alone is read the
    same way. Other XML gives all its text, one element a line. Entities are never expanded, nothing is
    fetched, and a document that declares entities is refused.

    Raises:
        UnreadableReport: unreadable-document, and what reading a non-XML body raises.
    """
    root = parse_xml(data, path)
    flow = Flow()
    match _of_cda(root):
        case "ClinicalDocument":
            return _cda_text(root, max_bytes, path, read_body)
        case "section":
            _sections(flow, root, max_bytes, path, read_body)
            return flow.text()
        case "text":
            _narrative(flow, root)
            return flow.text()
    for element in root.iter(etree.Element):
        _line(flow, element.text)
        if element is not root:
            _line(flow, element.tail)
    return flow.text()


def _line(flow: Flow, text: str | None) -> None:
    if text and text.strip():
        flow.line()
        flow.inline(text)


def _of_cda(root: etree._Element) -> str | None:
    """Return the name of an element that is read as CDA; without a namespace only if its form shows it."""
    space, name = _space(root), etree.QName(root).localname
    if space is not None:
        return name if space == _CDA else None
    if name == "text":
        within = {etree.QName(element).localname for element in root.iter(etree.Element)}
        return "text" if within <= _OF_NARRATIVE else None
    if name == "section":
        return "section" if root.find("text") is not None else None
    return name if name == "ClinicalDocument" else None


def _space(element: etree._Element) -> str | None:
    """Return the namespace of an element, if it has one."""
    return etree.QName(element).namespace


def _qualified(root: etree._Element, path: str) -> str:
    """Qualify a path of CDA elements with the namespace of the document's root."""
    space = _space(root)
    return path if space is None else "/".join(f"{{{space}}}{name}" for name in path.split("/"))


def _cda_text(root: etree._Element, max_bytes: int, path: str, read_body: ReadBody) -> str:
    body = root.find(_qualified(root, "component/nonXMLBody/text"))
    if body is not None:
        return _embedded(body, max_bytes, path, read_body)
    flow = Flow()
    title = root.find(_qualified(root, "title"))
    if title is not None:
        flow.inline("".join(map(str, title.itertext())))
    _sections(flow, root, max_bytes, path, read_body)
    return flow.text()


def _sections(
    flow: Flow, root: etree._Element, max_bytes: int, path: str, read_body: ReadBody
) -> None:
    """Add titles and narratives of all sections in document order, nested sections included."""
    for section in root.iter(_qualified(root, "section")):
        narrative = section.find(_qualified(root, "text"))
        title = section.find(_qualified(root, "title"))
        for part in (title, narrative):
            if part is not None:
                flow.line(blank=True)
                _narrative(flow, part)
        if narrative is None or not "".join(map(str, narrative.itertext())).strip():
            for note in _embedded_notes(section):
                flow.line(blank=True)
                flow.preformatted(_embedded(note, max_bytes, path, read_body))


def _embedded_notes(section: etree._Element) -> Iterator[etree._Element]:
    """Yield whole notes in base64 within the entries of a section (C-CDA Companion Guide, Note Activity).

    The narrative of a section must repeat them, so they are read only if it is empty.
    """
    for text in section.iterfind(f"{_qualified(section, 'entry')}//{_qualified(section, 'text')}"):
        if text.get("representation") == "B64" and "".join(map(str, text.itertext())).strip():
            yield text


def _narrative(flow: Flow, root: etree._Element) -> None:
    struck_out: etree._Element | None = None
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = str(element.tag).rpartition("}")[2]
        if event == "start":
            if element.attrib and _is_left_out(element):
                walk.skip_subtree()
                struck_out = element if element.get("revised") == "delete" else None
                continue
            _begin(flow, name)
            if text := element.text:
                flow.inline(text)
        else:
            if name in _BLOCKS and element is not struck_out:
                flow.line(blank=name in _PARAGRAPHS)
            if element is not root and (tail := element.tail):
                flow.inline(tail)


def _is_left_out(element: etree._Element) -> bool:
    """Return whether a reader does not see an element, or sees it as taken back."""
    if element.get("revised") == "delete" or element.get("representation") == "B64":
        return True
    if _UNSEEN_CODES.search(element.get("styleCode") or ""):
        return True
    style = element.get("style")  # not of CDA, but renderers apply it
    return style is not None and is_unseen_style(style)


def _begin(flow: Flow, name: str) -> None:
    if name == "br":
        flow.line_break()
    elif name in _CELLS:
        flow.cell()
    elif name in _BLOCKS:
        flow.line(blank=name in _PARAGRAPHS)


def _embedded(text: etree._Element, max_bytes: int, path: str, read_body: ReadBody) -> str:
    """Read a body in base64, possibly compressed (CDA R2, ED data type), or as characters."""
    content = "".join(map(str, text.itertext()))
    if not content.strip():
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, path, "non-XML body")
    media_type = text.get("mediaType", "text/plain")
    if text.get("representation") != "B64":
        return read_body(content.encode(), f"{media_type}; charset=utf-8")
    data = decode_base64(content, path, max_bytes)
    if text.get("compression") in {"DF", "ZL"}:
        data = _inflate(data, max_bytes, path, raw=text.get("compression") == "DF")
    return read_body(data, media_type)


def _inflate(data: bytes, max_bytes: int, path: str, *, raw: bool) -> bytes:
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
