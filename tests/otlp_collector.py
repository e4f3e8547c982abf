"""An OTLP/HTTP collector for tests, on a real socket: decodes what arrives and prints traces as trees.

    python -m tests.otlp_collector [PORT]     prints each trace some seconds after its last span

`delay_seconds` makes it slow. Requests that are no OTLP are answered 400.
"""

import gzip
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it arrived; ids are hexadecimal, times in nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    is_error: bool
    attributes: Mapping[str, Any]
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    state: str


class Collector:
    """Collects while the context lasts. `bodies` are the decompressed requests, as they came."""

    def __init__(self, port: int = 0, delay_seconds: float = 0.0) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.delay_seconds = delay_seconds
        self._spans: list[CollectedSpan] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def spans(self) -> list[CollectedSpan]:
        with self._lock:
            return list(self._spans)

    def traces(self) -> dict[str, list[CollectedSpan]]:
        """Spans by trace id."""
        found: dict[str, list[CollectedSpan]] = {}
        for span in self.spans:
            found.setdefault(span.trace_id, []).append(span)
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                time.sleep(collector.delay_seconds)
                try:
                    collector.take(self.path, body, dict(self.headers))
                except (DecodeError, KeyError):
                    self.send_response(400)
                else:
                    self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def take(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Decode a request."""
        if path == "/v1/metrics":
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        elif path == "/v1/traces":
            decoded = ExportTraceServiceRequest.FromString(body)
            with self._lock:
                self._spans += _spans(decoded)
        else:
            raise KeyError(path)
        self.bodies.append(body)
        self.headers.append(headers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[CollectedSpan]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield CollectedSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    kind=span.kind,
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    is_error=span.status.code == 2,
                    attributes={a.key: _value(a.value) for a in span.attributes},
                    events=tuple(
                        (e.name, {a.key: _value(a.value) for a in e.attributes})
                        for e in span.events
                    ),
                    state=span.trace_state,
                )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind) if kind else None


_SHOWN = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "http.response.status_code",
    "messaging.batch.message_count",
    "oncofhir.status",
    "error.type",
)


def tree(spans: list[CollectedSpan]) -> str:
    """One trace as indented lines: start and duration in ms, name, some attributes."""
    by_parent: dict[str, list[CollectedSpan]] = {}
    known = {span.span_id for span in spans}
    for span in sorted(spans, key=lambda span: span.start):
        by_parent.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
    first = min(span.start for span in spans)
    lines = [f"trace {spans[0].trace_id}"]

    def add(parent: str, depth: int) -> None:
        for span in by_parent.get(parent, []):
            shown = {name: span.attributes[name] for name in _SHOWN if name in span.attributes}
            details = " ".join(
                f"{name.rpartition('.')[2]}={value}" for name, value in shown.items()
            )
            start, took = (span.start - first) / 1e6, (span.end - span.start) / 1e6
            lines.append(f"{start:9.1f} {took:8.1f} ms  {'  ' * depth}{span.name}  {details}")
            add(span.span_id, depth + 1)

    add("", 0)
    return "\n".join(lines)


def main() -> None:
    """Print each trace three seconds after its last span."""
    printed: set[str] = set()
    with Collector(int(sys.argv[1]) if sys.argv[1:] else 4318) as collector:
        sys.stdout.write(f"ONCOFHIR_TRACING__ENDPOINT={collector.url}\n")
        sys.stdout.flush()
        sizes: dict[str, int] = {}
        while True:
            time.sleep(3)
            for trace, spans in collector.traces().items():
                if trace not in printed and sizes.get(trace) == len(spans):
                    printed.add(trace)
                    sys.stdout.write(tree(spans) + "\n")
                    sys.stdout.flush()
                sizes[trace] = len(spans)


if __name__ == "__main__":
    main()
