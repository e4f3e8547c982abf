"""Detects the content type of an attachment: the declared one unless its bytes show another."""

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
    "plain/text": PLAIN,
    "html/text": HTML,
}
# Names without a registry: HL7 v2 data types of text (table 0125: ST, TX, FT), and extensions of files.
_NAMES = {
    "st": PLAIN,
    "tx": PLAIN,
    "ft": PLAIN,
    "txt": PLAIN,
    "text": PLAIN,
    "plain": PLAIN,
    "ascii": PLAIN,
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "htm": HTML,
    "html": HTML,
    "xhtml": HTML,
    "rtf": RTF,
    "pdf": PDF,
    "xml": XML,
    "cda": XML,
    "docx": DOCX,
    "gz": GZIP,
    "gzip": GZIP,
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
_FHIR_BINARY = re.compile(rb"<(?:\w+:)?Binary\s[^>]{0,200}http://hl7\.org/fhir\b")
_TAG = re.compile(rb"<(?:[a-zA-Z/!?])|&(?:#?\w+);")
# Elements that a fragment of a page consists of.
_ELEMENT = re.compile(
    rb"<(/?)(p|div|span|br|table|tbody|tr|td|th|ul|ol|li|b|i|u|em|strong|font|center|pre|h[1-6]|del|ins|s|strike|sub"
    rb"|sup|hr)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_FRAGMENT = 20_000  # bytes in which a fragment shows what it is


def declared_type(content_type: str | None) -> str:
    """Return the declared content type, one name for each format, without parameters.

    Undeclared content counts as plain text: it is read as such only if its bytes are text.
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
    kind, _, subtype = name.rpartition("/")
    if kind in {"", "application", "text"}:
        listed = _NAMES.get(subtype.removeprefix("x-").removeprefix("."))
        if listed is not None:
            return listed
    return PLAIN if kind == "text" else UNKNOWN


def is_hl7_text(content_type: str | None) -> bool:
    """Return whether the declared type is formatted or other text of HL7 v2, which has escape sequences."""
    name = (content_type or "").partition(";")[0].strip().lower()
    return name.rpartition("/")[2].removeprefix("x-") in {"ft", "tx", "st"}


def charset_of(content_type: str | None) -> str | None:
    """Return the charset parameter of a content type."""
    match = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", content_type or "", re.IGNORECASE)
    return match.group(1) if match else None


def actual_type(data: bytes, content_type: str | None) -> str:
    """Return what the bytes are: binary formats and markup show in them, else the declaration counts."""
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
    if head.startswith(b"<") and (_CDA_NAMESPACE in head or _FHIR_BINARY.match(head)):
        return XML
    if declared == PLAIN and _is_fragment(data[:_FRAGMENT]):
        return HTML
    if declared in {HTML, XML} and not _TAG.search(data) and b"\x00" not in head:
        return PLAIN
    return declared


def _is_fragment(data: bytes) -> bool:
    """Return whether it is markup without a page around it: several elements, one closed or a break."""
    found = _ELEMENT.findall(data)
    return len(found) > 1 and any(slash or name.lower() == b"br" for slash, name in found)
