"""A client of the REST API of a Confluent-compatible schema registry.

Source: Confluent Schema Registry API reference (subjects, compatibility, schemas). Apicurio Registry answers
the same requests at /apis/ccompat/v7, Karapace at /.
"""

import json
import ssl
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import httpx2

from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, SettingsError, read_secret, read_token
from oncofhir.settings.base import http_url

_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_HEADERS = {"Accept": _CONTENT_TYPE, "Content-Type": _CONTENT_TYPE}
_TIMEOUT_SECONDS = 10.0
_MAX_BODY = 4 * 2**20
_DENIED = {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}
_BUSY = {httpx2.codes.REQUEST_TIMEOUT, httpx2.codes.TOO_MANY_REQUESTS}
SchemaType = Literal["AVRO", "JSON"]
Credentials = Callable[[], httpx2.Auth | None]


class Registered(Value):
    """A schema in the registry: its subject and id."""

    subject: str
    schema_id: int


class SchemaRegistry:
    """A registry. Blocking, thread-safe.

    Every method raises DependencyUnavailable where the registry cannot be reached or is overloaded,
    AccessDenied where it refuses the credentials, UnsuitableServer where it answers anything else, and
    SettingsError where a secret cannot be read.

    Args:
        url: base address of the API.
        credentials: called for each request, so that a rotated secret is seen.
        tls: whom to trust; the system's authorities by default.
    """

    def __init__(
        self, url: str, credentials: Credentials = lambda: None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._tls = tls

    def find(self, subject: str, schema: dict[str, Any], kind: SchemaType) -> Registered | None:
        """Return the schema as it is registered under the subject; None where it is not."""
        answer = self._send("POST", f"/subjects/{quote(subject, safe='')}", _body(schema, kind))
        return None if answer is None else self._registered(subject, answer)

    def register(self, subject: str, schema: dict[str, Any], kind: SchemaType) -> Registered:
        """Register the schema, or find it where it is registered already. Idempotent."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        return self._registered(subject, self._send("POST", path, _body(schema, kind)) or {})

    def is_compatible(self, subject: str, schema: dict[str, Any], kind: SchemaType) -> bool:
        """Return whether the registry would take the schema as the subject's next version."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        answer = self._send("POST", path, _body(schema, kind))
        return answer is None or bool(answer.get("is_compatible"))

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        """Return the schema of an id; None where the registry has none."""
        answer = self._send("GET", f"/schemas/ids/{schema_id}", None)
        if answer is None:
            return None
        text = answer.get("schema")
        try:
            found = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._unsuitable(f"schema {schema_id} is not a record's")
        return found

    def _registered(self, subject: str, answer: dict[str, Any]) -> Registered:
        found = answer.get("id")
        if not isinstance(found, int):
            raise self._unsuitable(f"no id for the subject {subject}")
        return Registered(subject=subject, schema_id=found)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the answer's JSON object; None for 404: an unknown subject, schema or id."""
        try:
            # A registry is asked a few times in a process's life: no connection is kept.
            with (
                httpx2.Client(
                    headers=_HEADERS, timeout=_TIMEOUT_SECONDS, verify=self._tls or True
                ) as client,
                client.stream(
                    method, f"{self.url}{path}", json=body, auth=self._credentials()
                ) as answer,
            ):
                content = _bounded(answer)
        except httpx2.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise self._refusal(answer.status_code, path)
        try:
            found = json.loads(content) if content is not None else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._unsuitable("it answers no JSON object")
        return found

    def _refusal(self, status: int, path: str) -> OncofhirError:
        if status in _DENIED:
            return AccessDenied(Reason.REGISTRY_ACCESS_DENIED, self.url, f"status {status}")
        if status in _BUSY or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
            return self._unreachable(f"status {status}")
        if status == httpx2.codes.CONFLICT:
            return self._unsuitable(f"{path}: it holds a schema that ours is incompatible with")
        return self._unsuitable(f"{path}: status {status}")

    def _unreachable(self, detail: str) -> DependencyUnavailable:
        return DependencyUnavailable(Reason.REGISTRY_UNREACHABLE, self.url, detail)

    def _unsuitable(self, detail: str) -> UnsuitableServer:
        return UnsuitableServer(Reason.REGISTRY_UNSUITABLE, self.url, detail)


class _Bearer(httpx2.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def schema_registry(settings: KafkaSettings, url: str | None = None) -> SchemaRegistry:
    """Return a client of the registry in the settings, or of another with the same credentials.

    Raises:
        SettingsError: there is no address or it is none, or the authorities cannot be read.
    """
    url = url or settings.schema_registry_url
    if url is None:
        raise SettingsError("no schema registry is named: set ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL")
    try:
        http_url(url)
    except ValueError as error:
        raise SettingsError(f"the address of the schema registry: {error}") from error
    return SchemaRegistry(url, partial(_credentials, settings), _tls(settings))


def _credentials(settings: KafkaSettings) -> httpx2.Auth | None:
    if settings.schema_registry_username is not None:
        password = read_secret(settings.schema_registry_password_file) or ""
        return httpx2.BasicAuth(settings.schema_registry_username, password)
    token = read_token(settings.schema_registry_token_file)
    return None if token is None else _Bearer(token)


def _tls(settings: KafkaSettings) -> ssl.SSLContext | None:
    if settings.schema_registry_ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=settings.schema_registry_ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"ONCOFHIR_KAFKA__SCHEMA_REGISTRY_CA_FILE: {error.strerror or type(error).__name__}"
        ) from error


def _body(schema: dict[str, Any], kind: SchemaType) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": json.dumps(schema)}
    return body if kind == "AVRO" else body | {"schemaType": kind}  # AVRO is the API's default


def _bounded(answer: httpx2.Response) -> bytes | None:
    """Return the body; None where it is larger than any schema."""
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > _MAX_BODY:
            return None
    return bytes(content)
