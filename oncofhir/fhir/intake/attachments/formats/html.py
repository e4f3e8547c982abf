"""HTML and XHTML: the visible text, and the values of form fields."""

import re

from lxml import etree

from oncofhir.fhir.intake.attachments.charset import decode_text
from oncofhir.fhir.intake.attachments.decoded_text import replace_unencodable
from oncofhir.fhir.intake.attachments.formats.flow import Flow
from oncofhir.fhir.intake.attachments.formats.html_styles import read_style_sheets
from oncofhir.fhir.intake.attachments.formats.symbol_fonts import CHECKED, UNCHECKED
from oncofhir.fhir.intake.attachments.formats.xml import check_memory
from oncofhir.fhir.intake.attachments.sniff import charset_of
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

# Struck-out text (del, s, strike) is what an author took back.
_INVISIBLE = frozenset(
    {
        "head",
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "svg",
        "math",
        "del",
        "s",
        "strike",
        "datalist",
        "canvas",
        "audio",
        "video",
    }
)
_PARAGRAPHS = frozenset(
    {
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "table",
        "ul",
        "ol",
        "dl",
        "blockquote",
        "pre",
        "hr",
        "section",
        "article",
    }
)
_BLOCKS = _PARAGRAPHS | frozenset(
    {
        "div",
        "li",
        "tr",
        "dt",
        "dd",
        "header",
        "footer",
        "main",
        "nav",
        "aside",
        "address",
        "fieldset",
        "form",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "figure",
        "figcaption",
        "body",
        "html",
        "center",
        "details",
        "summary",
    }
)
_CELLS = frozenset({"td", "th"})
_SHAPING = _BLOCKS | _CELLS | {"br"}
_FIELDS = frozenset({"input", "select", "textarea"})
_BOXES = frozenset({"checkbox", "radio"})
# Types of `input` whose value a reader does not see, or that is no part of the document.
_NO_VALUES = frozenset({"hidden", "password", "button", "submit", "reset", "image", "file"})
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w\-]{1,40})|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w\-]{1,40})",
    re.IGNORECASE,
)
# Pictures within the page; longer ones than libxml2 takes for an attribute (10 MB) would refuse the page.
_PICTURE = re.compile(r"data:[\w.+-]{1,40}/[\w.+-]{1,80};base64,[A-Za-z0-9+/=]{200,}")
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def html_text(data: bytes, content_type: str | None, path: str) -> str:
    """Return the visible text of an HTML page.

    Raises:
        UnreadableReport: undecodable-text, unreadable-document (nested too deep or too long).
    """
    declared = charset_of(content_type)
    if declared is None and (match := _META_CHARSET.search(data[:2048])):
        declared = (match[1] or match[2]).decode()
    return text_of_markup(decode_text(data, declared, path), path)


def text_of_markup(markup: str, path: str) -> str:
    """Return the visible text of markup that is decoded already, such as `text.div`."""
    markup = _PICTURE.sub("data:,", markup) if "base64," in markup else markup
    markup = replace_unencodable(_XML_DECLARATION.sub("", markup, count=1))
    if not markup.strip():
        return ""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(markup.encode("utf-8"), parser)
    except (etree.LxmlError, ValueError) as error:
        check_memory(error)
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    if any(entry.type_name == "ERR_NO_MEMORY" for entry in parser.error_log):
        raise MemoryError
    if any(entry.level_name == "FATAL" for entry in parser.error_log):
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "exceeds the parser's limits")
    return "" if root is None else _visible(root)


def _visible(root: etree._Element) -> str:
    flow = Flow()
    unseen = read_style_sheets(root)
    preformatted = 0
    skipped: etree._Element | None = None
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            is_field = tag in _FIELDS
            if tag in _INVISIBLE or unseen.covers(element) or is_field:
                if is_field and not unseen.covers(element):
                    flow.inline(_value(element))
                walk.skip_subtree()
                skipped = element
                continue
            if tag in _SHAPING:
                _begin(flow, tag)
                preformatted += tag == "pre"
            _add(flow, element.text, preformatted)
        else:
            if element is not skipped and tag in _SHAPING:
                preformatted -= tag == "pre"
                if tag in _BLOCKS:
                    flow.line(blank=tag in _PARAGRAPHS)
            if element is not root:
                _add(flow, element.tail, preformatted)
    return flow.text()


def _value(field: etree._Element) -> str:
    """Return what a form field shows, between blanks; only options that are selected count."""
    if field.tag == "textarea":
        return f" {''.join(map(str, field.itertext()))} "
    if field.tag == "select":
        options = (o for o in field.iter("option") if o.get("selected") is not None)
        return f" {', '.join(''.join(map(str, o.itertext())).strip() for o in options)} "
    kind = (field.get("type") or "text").strip().lower()
    if kind in _NO_VALUES:
        return ""
    if kind in _BOXES:
        return f" {CHECKED if field.get('checked') is not None else UNCHECKED} "
    return f" {field.get('value') or ''} "


def _begin(flow: Flow, tag: str) -> None:
    if tag == "br":
        flow.line_break()
    elif tag in _CELLS:
        flow.cell()
    else:
        flow.line(blank=tag in _PARAGRAPHS)


def _add(flow: Flow, text: str | None, preformatted: int) -> None:
    if text:
        (flow.preformatted if preformatted else flow.inline)(text)
