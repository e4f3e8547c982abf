"""What a worker's probes and metrics show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from oncofhir.schemas.error_messages.causes import cause_of

_SECONDS = 5.0
_NO_WORKER = "what answers there is no worker"
_MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class WorkerView:
    """One worker: whether it answers, /ready, and its samples by name and labels.

    `problem` says why there is nothing else.
    """

    url: str
    problem: str | None = None
    is_live: bool = False
    is_ready: bool = False
    ready: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[tuple[str, Mapping[str, str], float], ...] = ()

    def values(self, name: str, **labels: str) -> list[float]:
        """The values of a metric whose labels include these."""
        return [v for n, found, v in self.samples if n == name and labels.items() <= found.items()]

    def labelled(self, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
        """Labels and values of a metric."""
        return ((labels, v) for n, labels, v in self.samples if n == name)


def view_worker(url: str) -> WorkerView:
    """Ask a worker. Raises nothing: a worker that does not answer is a result."""
    base = url.rstrip("/")
    try:
        with httpx2.Client(trust_env=False, timeout=_SECONDS) as http:
            live, ready = http.get(f"{base}/live"), http.get(f"{base}/ready")
            metrics = http.get(f"{base}/metrics")
        body = ready.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return WorkerView(url, cause_of(error))
    except ValueError:
        return WorkerView(url, _NO_WORKER)
    if not isinstance(body, dict) or "ok" not in body or len(metrics.content) > _MAX_BYTES:
        return WorkerView(url, _NO_WORKER)
    return WorkerView(
        url,
        is_live=live.is_success,
        is_ready=ready.is_success,
        ready=body,
        samples=_samples(metrics.text),
    )


def _samples(text: str) -> tuple[tuple[str, Mapping[str, str], float], ...]:
    try:
        return tuple(
            (sample.name, sample.labels, float(sample.value))
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
    except (ValueError, KeyError, IndexError):  # a scrape that was cut off as the worker stopped
        return ()
