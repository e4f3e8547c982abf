"""DOCX (ECMA-376 WordprocessingML): the document's paragraphs and tables."""

import io
import struct
import zipfile
import zlib

from lxml import etree

from oncofhir.fhir.intake.attachments.formats.xml import parse_xml
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_WORD = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_AS_TEXT = {
    "p": "\n",
    "br": "\n",
    "cr": "\n",
    "tr": "\n",
    "tab": "\t",
    "ptab": "\t",
    "noBreakHyphen": "-",
}
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    RuntimeError,  # encrypted
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)
_DOCUMENT = "word/document.xml"


def docx_text(data: bytes, max_bytes: int, path: str) -> str:
    """The text, a paragraph a line, table cells divided by tabs; deleted (tracked) text left out.

    Raises:
        UnreadableReport: unreadable-document, attachment-too-large (unpacked).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(_DOCUMENT) as document:
            content = document.read(max_bytes + 1)
    except _BROKEN as error:
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    if len(content) > max_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path)
    return _text(parse_xml(content, path))


def _text(root: etree._Element) -> str:
    pieces: list[str] = []
    for _, element in etree.iterwalk(root, events=("end",)):
        name = etree.QName(element)
        if name.namespace not in _WORD:
            continue
        if name.localname == "t":  # deleted text is in delText
            pieces.append(element.text or "")
        elif name.localname == "tc":
            if pieces and pieces[-1] == "\n":
                pieces.pop()
            pieces.append("\t")
        else:
            pieces.append(_AS_TEXT.get(name.localname, ""))
    return "".join(pieces).strip()
