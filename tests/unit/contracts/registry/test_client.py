"""How the answers of a registry, and its silence, become errors with their reason."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from oncofhir.contracts.registry.client import SchemaRegistry, schema_registry
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnsuitableServer
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, SettingsError


class Answers(BaseHTTPRequestHandler):
    status, body, seen = 200, b"{}", []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).seen.append((self.path, self.headers.get("authorization")))
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST  # noqa: N815 - the name of the base class

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server that answers what a test wants: errors that a registry gives only in trouble."""
    answers = type("Given", (Answers,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        answers.url = f"http://127.0.0.1:{running.server_port}/api"
        yield answers
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "error", "reason"),
    [
        (401, b"{}", AccessDenied, Reason.REGISTRY_ACCESS_DENIED),
        (403, b"{}", AccessDenied, Reason.REGISTRY_ACCESS_DENIED),
        (429, b"{}", DependencyUnavailable, Reason.REGISTRY_UNREACHABLE),
        (503, b"<html>", DependencyUnavailable, Reason.REGISTRY_UNREACHABLE),
        (409, b"{}", UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (422, b"{}", UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (302, b"", UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (200, b"<html>", UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (200, b"[]", UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (200, b'{"id": "one"}', UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
        (200, b'"' + b"x" * (5 * 2**20) + b'"', UnsuitableServer, Reason.REGISTRY_UNSUITABLE),
    ],
)
def test_an_answer_that_is_no_registration_has_its_reason(server, status, body, error, reason):
    server.status, server.body = status, body
    with pytest.raises(error) as raised:
        SchemaRegistry(server.url).register("t-value", {}, "AVRO")
    assert raised.value.reason is reason
    assert server.url in str(raised.value)


def test_a_registry_that_is_not_there_is_unreachable():
    with pytest.raises(DependencyUnavailable, match="registry-unreachable"):
        SchemaRegistry("http://127.0.0.1:1").schema(1)


@pytest.mark.parametrize("body", [{"schema": 1}, {"schema": "{"}, {"schema": '"string"'}, {}])
def test_a_schema_that_is_no_record_is_unsuitable(server, body):
    server.body = json.dumps(body).encode()
    with pytest.raises(UnsuitableServer):
        SchemaRegistry(server.url).schema(7)


def test_subjects_are_escaped_and_credentials_are_read_for_each_request(server, tmp_path):
    server.body = b'{"id": 7}'
    secret = tmp_path / "token"
    settings = KafkaSettings(schema_registry_url=server.url, schema_registry_token_file=secret)
    registry = schema_registry(settings)
    for token in ("first", "second"):
        secret.write_text(token)
        assert registry.register("a/b", {}, "AVRO").schema_id == 7
    assert server.seen == [
        ("/api/subjects/a%2Fb/versions", "Bearer first"),
        ("/api/subjects/a%2Fb/versions", "Bearer second"),
    ]
    secret.unlink()
    with pytest.raises(SettingsError, match="cannot read the secret file"):
        registry.register("a", {}, "AVRO")


def test_a_user_and_password_are_sent(server, tmp_path):
    server.body = b'{"id": 7}'
    (tmp_path / "password").write_text("secret\n")
    settings = KafkaSettings(
        schema_registry_url=server.url,
        schema_registry_username="user",
        schema_registry_password_file=tmp_path / "password",
    )
    assert schema_registry(settings).find("a", {}, "AVRO").schema_id == 7
    assert server.seen == [("/api/subjects/a", "Basic dXNlcjpzZWNyZXQ=")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"row_format": "avro"}, "needs SCHEMA_REGISTRY_URL"),
        ({"schema_registry_username": "u"}, "go together"),
        ({"schema_registry_url": "registry:8081"}, "http or https"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        KafkaSettings(**given)


def test_authorities_that_cannot_be_read_are_named(tmp_path):
    settings = KafkaSettings(
        schema_registry_url="https://registry", schema_registry_ca_file=tmp_path / "none.pem"
    )
    with pytest.raises(SettingsError, match="SCHEMA_REGISTRY_CA_FILE"):
        schema_registry(settings)
