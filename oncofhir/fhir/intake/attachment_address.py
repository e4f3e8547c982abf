"""Addresses of attachments: which of them are the source server's own, and which name one document.

Source: http://hl7.org/fhir/R4/datatypes.html#Attachment (`url`), http://hl7.org/fhir/R4/binary.html;
`$binary-access-read` is an operation of HAPI FHIR (Binary Storage).
"""

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from oncofhir.fhir.references import relative_reference, server_origin
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.reasons import Reason

_ACCESS = "/$binary-access-read"
_UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")
# Parameters of FHIR that choose a representation and no other document.
_REPRESENTATION = frozenset({"_format", "_pretty", "_summary"})
# Parameters that grant access for a time. The names of the lists behind the first are too short, or too
# common, to mean that without the signature itself.
_TOKENS = frozenset({"token", "access_token", "id_token", "auth_token", "sig", "signature", "se"})
# fmt: off
_OF_SIGNATURE = {
    # Azure Storage, service and user delegation SAS
    "sig": frozenset({
        "sv", "sr", "sp", "st", "spr", "sip", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv",
        "sdd", "saoid", "suoid", "rscc", "rsct",
    }),
    # AWS signature version 2, CloudFront, Google Cloud Storage signature version 2
    "signature": frozenset({"expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid"}),
}
# fmt: on
_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-", "x-oss-")


def own_address(base_url: str, url: str) -> str | None:
    """Return the path of an attachment below the source's base (`Binary/x`), or None if it is elsewhere.

    Accepted are an address below the base, a path from the root of the server (with the path of the base or
    without), and a path relative to the base.

    Raises:
        UnreadableReport: attachment-url-refused: the path leads to a parent, or is not that of a Binary or
            of `$binary-access-read`.
    """
    if _UNSAFE.search(url):
        raise _refused("unsafe characters")
    base = urlsplit(base_url)
    base_path = base.path.rstrip("/")
    rest = url.partition("#")[0]
    if server_origin(rest) is not None:
        if server_origin(rest) != server_origin(base_url):
            return None
        rest = "/" + rest.split("://", 1)[1].partition("/")[2]
        if not rest.startswith(f"{base_path}/"):
            return None
    elif rest.startswith("//") or ":" in rest.partition("/")[0]:
        return None
    rest = rest.removeprefix(f"{base_path}/") if base_path else rest
    path, _, query = rest.lstrip("/").partition("?")
    _check_segments(path)
    if relative_reference(path.removesuffix(_ACCESS)) is None:
        raise _refused("not the address of a Binary")
    if not path.endswith(_ACCESS) and not path.startswith("Binary/"):
        raise _refused("not the address of a Binary")
    kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k not in _REPRESENTATION]
    return f"{path}?{urlencode(kept)}" if kept else path


def binary_named(address: str) -> SourceReference | None:
    """Return the Binary resource that an address names, with or without an operation and parameters."""
    path = address.partition("#")[0].partition("?")[0].removesuffix(_ACCESS)
    named = relative_reference(path.lstrip("/"))
    return named if named is not None and named.type == "Binary" else None


def document_url(url: str) -> str:
    """Return one spelling for all addresses of a document.

    Without version, fragment, signature and the parameters of its representation; the origin in lower
    case, parameters in order.
    """
    bare, _, query = url.partition("#")[0].partition("?")
    start = server_origin(bare)
    path = bare.lstrip("/") if start is None else bare.split("://", 1)[1].partition("/")[2]
    bare = path if start is None else f"{start}/{path}"
    path, history, rest = bare.partition("/_history/")
    if history and rest.endswith(_ACCESS):
        path += _ACCESS
    path = path.rstrip("/")
    kept = sorted(_telling(parse_qsl(query, keep_blank_values=True)))
    return f"{path}?{urlencode(kept)}" if kept else path


def _telling(parameters: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters that tell one document from another."""
    names = {name.lower() for name, _ in parameters}
    dropped = set(_TOKENS | _REPRESENTATION)
    for mark, related in _OF_SIGNATURE.items():
        if mark in names:
            dropped |= related
    return [
        (name, value)
        for name, value in parameters
        if name.lower() not in dropped and not name.lower().startswith(_SIGNATURE_PREFIXES)
    ]


def _check_segments(path: str) -> None:
    decoded = unquote(unquote(path))
    if decoded.count("/") != path.count("/") or "\\" in decoded:
        raise _refused("an encoded separator")
    if any(segment in {".", "..", ""} for segment in decoded.split("/")):
        raise _refused("a path to a parent")


def _refused(detail: str) -> UnreadableReport:
    return UnreadableReport(Reason.ATTACHMENT_URL_REFUSED, None, detail)
