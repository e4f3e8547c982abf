"""Registers the row schemas in a Confluent-compatible schema registry, and frames rows as it wants.

Source: Confluent Schema Registry API reference (subjects, compatibility) and its wire format: a zero byte,
the schema's id in four bytes, big-endian, then the Avro datum. Apicurio Registry speaks the same API.
"""

import json
import struct
from typing import Any, Literal

import httpx2

from oncofhir.schemas.base import Value

MAGIC = b"\0"
_HEADER = struct.Struct(">bI")
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_TIMEOUT_SECONDS = 10.0
_MAX_BODY = 4 * 2**20
SchemaType = Literal["AVRO", "JSON"]


class RegistryError(Exception):
    """The registry cannot be used. The message names the address, what it answered, and the remedy."""


class Registered(Value):
    """A schema in the registry: its subject and id."""

    subject: str
    schema_id: int


class SchemaRegistry:
    """A client of the registry's REST API. Blocking.

    Every method raises RegistryError when the registry cannot be reached, refuses, or answers nonsense.
    """

    def __init__(self, url: str, token: str | None = None, verify: Any = True) -> None:
        headers = {"Accept": _CONTENT_TYPE, "Content-Type": _CONTENT_TYPE}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._url = url.rstrip("/")
        self._client = httpx2.Client(headers=headers, timeout=_TIMEOUT_SECONDS, verify=verify)

    def register(self, subject: str, schema: dict[str, Any], kind: SchemaType) -> Registered:
        """Register the schema, or find it where it is registered already. Idempotent."""
        answer = self._post(f"/subjects/{subject}/versions", schema, kind)
        found = answer.get("id")
        if not isinstance(found, int):
            raise RegistryError(f"the schema registry at {self._url} gave no id for {subject}")
        return Registered(subject=subject, schema_id=found)

    def is_compatible(self, subject: str, schema: dict[str, Any], kind: SchemaType) -> bool:
        """Return whether the registry would take the schema as the subject's next version."""
        path = f"/compatibility/subjects/{subject}/versions/latest"
        try:
            return bool(self._post(path, schema, kind).get("is_compatible"))
        except UnknownSubject:
            return True

    def schema(self, schema_id: int) -> dict[str, Any]:
        """Return the schema of an id."""
        text = self._send("GET", f"/schemas/ids/{schema_id}", None).get("schema")
        try:
            found = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise RegistryError(f"the schema registry at {self._url} has no schema {schema_id}")
        return found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, path: str, schema: dict[str, Any], kind: SchemaType) -> dict[str, Any]:
        body: dict[str, Any] = {"schema": json.dumps(schema)}
        if kind != "AVRO":  # the API's default
            body["schemaType"] = kind
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            answer = self._client.request(method, f"{self._url}{path}", json=body)
        except httpx2.HTTPError as error:
            raise RegistryError(
                f"the schema registry at {self._url} cannot be reached ({type(error).__name__}): check "
                "ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL and the network"
            ) from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            raise UnknownSubject(f"the schema registry at {self._url} does not know {path}")
        if answer.status_code == httpx2.codes.CONFLICT:
            raise RegistryError(
                f"the schema registry at {self._url} holds an incompatible schema of this subject: set the "
                "subject's compatibility to BACKWARD, or use another registry"
            )
        if not answer.is_success:
            raise RegistryError(f"the schema registry at {self._url} answered {answer.status_code}")
        try:
            content = answer.json() if len(answer.content) <= _MAX_BODY else None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise RegistryError(f"the schema registry at {self._url} answered no JSON object")
        return content


class UnknownSubject(RegistryError):
    """The registry has no such subject or id."""


def frame(schema_id: int, datum: bytes) -> bytes:
    """Return the datum with the wire format's header."""
    return _HEADER.pack(0, schema_id) + datum


def unframe(value: bytes) -> tuple[int, bytes]:
    """Return the schema's id and the datum.

    Raises:
        ValueError: the value is too short, or does not begin with a zero byte.
    """
    if len(value) < _HEADER.size or value[:1] != MAGIC:
        raise ValueError("no registry framing")
    _, schema_id = _HEADER.unpack_from(value)
    return schema_id, value[_HEADER.size :]
