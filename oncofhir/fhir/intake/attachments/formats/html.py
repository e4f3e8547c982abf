"""HTML and XHTML: the visible text."""

import re

from lxml import etree

from oncofhir.fhir.intake.attachments.charset import decode_text
from oncofhir.fhir.intake.attachments.decoded_text import replace_unencodable
from oncofhir.fhir.intake.attachments.formats.flow import Flow
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
        "select",
        "textarea",
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
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|text-decoration[^;]*line-through"
)
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w\-]{1,40})|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w\-]{1,40})",
    re.IGNORECASE,
)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def html_text(data: bytes, content_type: str | None, path: str) -> str:
    """The visible text of an HTML page.

    Raises:
        UnreadableReport: undecodable-text, unreadable-document (nested or long beyond what is safe).
    """
    declared = charset_of(content_type)
    if declared is None and (match := _META_CHARSET.search(data[:2048])):
        declared = (match[1] or match[2]).decode()
    return text_of_markup(decode_text(data, declared, path), path)


def text_of_markup(markup: str, path: str) -> str:
    """The visible text of HTML that is characters already, such as `text.div`."""
    markup = replace_unencodable(_XML_DECLARATION.sub("", markup, count=1))
    if not markup.strip():
        return ""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(markup.encode("utf-8"), parser)
    except (etree.LxmlError, ValueError) as error:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    if any(entry.level_name == "FATAL" for entry in parser.error_log):
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "exceeds the parser's limits")
    return "" if root is None else _visible(root)


def _visible(root: etree._Element) -> str:
    flow = Flow()
    preformatted = 0
    skipped: etree._Element | None = None
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if tag in _INVISIBLE or (element.attrib and _is_hidden(element)):
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


def _is_hidden(element: etree._Element) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and _HIDDEN_STYLE.search(style.lower()) is not None
