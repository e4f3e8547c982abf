"""The content of Binary resources, in JSON and XML (http://hl7.org/fhir/R4/binary.html)."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from oncofhir.fhir.elements import string
from oncofhir.fhir.intake.attachments.base64_data import decode_base64
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_EXTERNALIZED = "http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id"
_JSON = frozenset({"application/fhir+json", "application/json+fhir", "application/json"})
_XML = frozenset({"application/fhir+xml", "application/xml+fhir", "application/xml", "text/xml"})
# A Binary has these elements only, so its XML is read without a parser: content of other servers is parsed
# in child processes.
_ROOT = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}\?>)?\s*<(?:\w{1,20}:)?Binary\s[^>]{0,300}[\"']http://hl7\.org/fhir[\"'][^>]{0,300}>"
)
_ELEMENT = rb"<(?:\w{1,20}:)?%s\s+value\s*=\s*(?:\"([^\"]*)\"|'([^']*)')"
_DATA, _TYPE = re.compile(_ELEMENT % b"data"), re.compile(_ELEMENT % b"contentType")


def externalized_address(element: Mapping[str, Any], resource: str, path: str) -> str | None:
    """Return where content is that HAPI FHIR stores outside of its resource (Binary Storage), if it does.

    `element` is the Binary or Attachment without `data`, `resource` the reference of the resource that it
    is in, `path` the FHIRPath of what `$binary-access-read` reads.
    """
    primitive = element.get("_data")
    extensions = primitive.get("extension") if isinstance(primitive, dict) else None
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == _EXTERNALIZED:
            return f"{resource}/$binary-access-read?{urlencode({'path': path})}"
    return None


def decode_binary(binary: Mapping[str, Any], max_bytes: int) -> tuple[bytes, str | None]:
    """Return the content of a Binary resource and its content type.

    Raises:
        UnreadableReport: empty-attachment, attachment-not-found (HAPI stores it elsewhere), invalid-base64,
            attachment-too-large, invalid-resource.
    """
    data = string(binary, "data", "Binary")
    if data is None and externalized_address(binary, "Binary", "Binary") is not None:
        raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND, "Binary.data", "stored elsewhere")
    if data is None:
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, "Binary.data")
    return decode_base64(data, "Binary.data", max_bytes), string(binary, "contentType", "Binary")


def unwrap_binary(
    content: bytes, content_type: str | None, max_bytes: int
) -> tuple[bytes, str | None]:
    """Return the content itself if a server responded with the Binary resource around it.

    Raises:
        UnreadableReport: what `decode_binary` raises.
    """
    name = (content_type or "").partition(";")[0].strip().lower()
    if name in _JSON:
        try:
            resource = json.loads(content)
        except (ValueError, RecursionError):
            return content, content_type
        if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
            return decode_binary(resource, max_bytes)
    elif name in _XML and _ROOT.match(content):
        data, kind = _value(_DATA, content), _value(_TYPE, content)
        return decode_binary({"data": data, "contentType": kind}, max_bytes)
    return content, content_type


def _value(pattern: re.Pattern[bytes], content: bytes) -> str | None:
    match = pattern.search(content)
    if match is None:
        return None
    value = match[1] if match[1] is not None else match[2]
    return html.unescape(value.decode("ascii", "replace"))
