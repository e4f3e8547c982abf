"""Which content type an attachment really has: the declared one unless its bytes say otherwise."""

import re

PLAIN = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
RTF = "application/rtf"
PDF = "application/pdf"
XML = "application/xml"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
GZIP = "application/gzip"
IMAGE = "image"
UNKNOWN = "application/octet-stream"

_ALIASES = {
    "text/x-markdown": MARKDOWN,
    "application/xhtml+xml": HTML,
    "application/xhtml": HTML,
    "text/xhtml": HTML,
    "text/rtf": RTF,
    "text/richtext": RTF,
    "application/x-rtf": RTF,
    "application/msword-rtf": RTF,
    "application/x-pdf": PDF,
    "text/xml": XML,
    "application/x-gzip": GZIP,
    "application/dicom": IMAGE,
    "application/txt": PLAIN,
    "text": PLAIN,
}
_UNDECLARED = {"", UNKNOWN, "binary/octet-stream"}
_KNOWN = {PLAIN, MARKDOWN, HTML, RTF, PDF, XML, DOCX, GZIP}
# First bytes that are no accident: https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern
_MAGIC = (
    (b"{\\rtf", RTF),
    (b"\x1f\x8b\x08", GZIP),
    (b"\x89PNG\r\n\x1a\n", IMAGE),
    (b"\xff\xd8\xff", IMAGE),
    (b"GIF87a", IMAGE),
    (b"GIF89a", IMAGE),
    (b"II*\x00", IMAGE),
    (b"MM\x00*", IMAGE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", UNKNOWN),  # the old .doc
)
_BOM = b"\xef\xbb\xbf"
_HEAD = 1024
_HTML_START = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML_START = re.compile(rb"<(?:\?xml|!doctype|(?:\w+:)?clinicaldocument)\b", re.IGNORECASE)
_CDA_NAMESPACE = b"urn:hl7-org:v3"
_TAG = re.compile(rb"<(?:[a-zA-Z/!?])|&(?:#?\w+);")


def declared_type(content_type: str | None) -> str:
    """The declared content type in one name for each kind, without parameters.

    Undeclared content counts as plain text: it is read as that only if its bytes are text.
    """
    name = (content_type or "").partition(";")[0].strip().lower()
    if name in _UNDECLARED:
        return PLAIN
    if name.startswith(("image/", "audio/", "video/")):
        return IMAGE
    name = _ALIASES.get(name, name)
    if name in _KNOWN:
        return name
    if name.endswith("+xml"):
        return XML
    return PLAIN if name.startswith("text/") else UNKNOWN


def charset_of(content_type: str | None) -> str | None:
    """The charset parameter of a content type."""
    match = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", content_type or "", re.IGNORECASE)
    return match.group(1) if match else None


def actual_type(data: bytes, content_type: str | None) -> str:
    """What the bytes are: their first bytes decide for binary kinds and markup, else the declaration."""
    declared = declared_type(content_type)
    return _by_magic(data, declared) or _by_markup(data, declared)


def _by_magic(data: bytes, declared: str) -> str | None:
    head = data[:_HEAD].removeprefix(_BOM).lstrip()
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"%PDF-") or (declared == PDF and b"%PDF-" in data[:_HEAD]):
        return PDF
    if head.startswith(b"PK\x03\x04") and b"word/" in data:
        return DOCX
    return IMAGE if data[128:132] == b"DICM" else None


def _by_markup(data: bytes, declared: str) -> str:
    head = data[:_HEAD].removeprefix(_BOM).lstrip()
    if _HTML_START.match(head):
        return HTML
    if _XML_START.match(head):
        return HTML if _HTML_START.search(head) and declared != XML else XML
    if head.startswith(b"<") and _CDA_NAMESPACE in head:
        return XML
    if declared in {HTML, XML} and not _TAG.search(data) and b"\x00" not in head:
        return PLAIN
    return declared
