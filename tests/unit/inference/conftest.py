"""Reports from text, and a model server on a real socket whose replies a test sets."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from oncofhir.fhir.intake.sections import sections
from oncofhir.fhir.intake.specimen_parts import parts
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.report import Report, Segment


@pytest.fixture(scope="session")
def read():
    def report(text, gender=None):
        found = sections(text)
        half = len(text) // 2
        return Report(
            source=SourceReference(type="DiagnosticReport", id="r"),
            status="final",
            subject="Patient/p",
            patient_gender=gender,
            text=text,
            text_sha256=sha256_of(text),
            content_key="c",
            # two segments with a separator of one character, so that offsets are not trivially the same
            segments=(
                Segment(start=0, end=half, path="a", content_type="text/plain", attachment_start=7),
                Segment(
                    start=half + 1,
                    end=max(half + 1, len(text)),
                    path="b",
                    content_type="text/plain",
                ),
            )
            if "\u241e" in text
            else (Segment(start=0, end=len(text), path="a", content_type="text/plain"),),
            sections=found,
            parts=parts(text, found),
        )

    return report


class Server(ThreadingHTTPServer):
    """Answers each path with the status, headers and body that `replies` has for it; keeps requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = {}
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.requests.append((self.path, body, dict(self.headers.items())))
        reply = self.server.replies.get(self.path, (404, {}, {"error": "no such path"}))
        status, headers, said = reply(body) if callable(reply) else reply
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = _answer  # noqa: N815 - the base class's names

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()
