"""Parses XML safely: no entities, no network, no unbounded trees."""

from lxml import etree

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_NO_MEMORY = 2  # XML_ERR_NO_MEMORY of libxml2's xmlerror.h
_XHTML = "http://www.w3.org/1999/xhtml"


def is_xhtml(data: bytes, path: str) -> bool:
    """Return whether the root element is XHTML."""
    if _XHTML.encode() not in data:
        return False
    return parse_xml(data, path).tag == f"{{{_XHTML}}}html"


def check_memory(error: Exception) -> None:
    """Raise a MemoryError if libxml2 ran out of memory, which it reports as a syntax error."""
    if getattr(error, "code", None) == _NO_MEMORY:
        raise MemoryError from None


def parse_xml(data: bytes, path: str) -> etree._Element:
    """Parse an XML document and return its root.

    Raises:
        UnreadableReport: unreadable-document.
        MemoryError: the process may not have as much memory as the document needs.
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
        check_memory(error)
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, type(error).__name__) from None
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and list(dtd.iterentities()):  # type: ignore[union-attr] # not in the stubs
        raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "declares entities")
    return root
