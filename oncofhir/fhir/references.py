"""FHIR references: the resource that a string names, if it names one.

Source: http://hl7.org/fhir/R4/references.html#literal and the id type of
http://hl7.org/fhir/R4/datatypes.html#id.
"""

import re
from urllib.parse import urlsplit

from oncofhir.schemas.event import REPORT_TYPES, SourceReference

_ID = r"[A-Za-z0-9\-.]{1,64}"
_LITERAL = re.compile(
    rf"(?P<type>[A-Z][A-Za-z]{{1,63}})/(?P<id>{_ID})(?:/_history/(?P<version>{_ID}))?"
)
_BASE = re.compile(r"https?://[^\s?#]+/")


MESSAGE_ID_PREFIX = "hl7v2-"
"""Begins the id of each resource made from an HL7 v2 message, which is on no FHIR server."""


def is_of_message(reference: SourceReference) -> bool:
    """Return whether this names a report made from an HL7 v2 message; ids of a server are no such hashes."""
    digest = reference.id.removeprefix(MESSAGE_ID_PREFIX)
    is_hash = digest != reference.id and re.fullmatch(r"[0-9a-f]{40}", digest) is not None
    return is_hash and reference.type in REPORT_TYPES


def is_id(text: object) -> bool:
    """Return whether this is a logical id. `.` and `..` are not, because they would change a URL's path."""
    return isinstance(text, str) and re.fullmatch(_ID, text) is not None and text.strip(".") != ""


def relative_reference(text: str) -> SourceReference | None:
    """Parse a relative literal reference (`Type/id`, `Type/id/_history/version`); None for anything else."""
    match = _LITERAL.fullmatch(text)
    if match is None or not is_id(match["id"]):
        return None
    version = match["version"]
    if version is not None and not is_id(version):
        return None
    return SourceReference(type=match["type"], id=match["id"], version=version)


def literal_reference(text: str) -> SourceReference | None:
    """Parse a literal reference, relative or a RESTful URL, and drop the server's base; None otherwise."""
    relative = relative_reference(text)
    if relative is not None:
        return relative
    match = _LITERAL.search(text)
    while match is not None:
        if match.end() == len(text) and _BASE.fullmatch(text[: match.start()]):
            return relative_reference(match.group())
        match = _LITERAL.search(text, match.start() + 1)
    return None


def relative_to(base: str, url: str) -> str | None:
    """Return the part of `url` below `base`, or None if it is not below it."""
    start = base.rstrip("/") + "/"
    return url[len(start) :] if url.startswith(start) else None


def server_origin(url: str) -> str | None:
    """Return `scheme://host:port` in lower case, always with the port; None if the URL has no origin."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return None
    return f"{scheme}://{parts.hostname.lower()}:{port or (443 if scheme == 'https' else 80)}"
