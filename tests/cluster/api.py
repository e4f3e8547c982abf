"""A small client of the Kubernetes API: what the checks read and write, and waiting for what becomes true."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

Manifest = dict[str, Any]
T = TypeVar("T")
_CREATED_ALREADY = 409
_MISSING = 404
_POLL_SECONDS = 0.2


class ApiError(Exception):
    """The API server refused a request; the message is the server's."""


class Api:
    """The API server at a URL, as an administrator. A context manager."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        """`authority` is the API server's certificate, which it made and signed itself."""
        self._http = httpx2.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(authority)),
            trust_env=False,
            timeout=30.0,
        )
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    @staticmethod
    def answers(url: str, token: str = "") -> bool:
        """Whether a health endpoint answers with success; its certificate is not looked at."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            answer = httpx2.get(url, headers=headers, verify=False, trust_env=False, timeout=2.0)
        except httpx2.HTTPError:
            return False
        return answer.is_success

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Manifest:
        """Read an object or a list.

        Raises:
            ApiError: it is not there, or the request is refused.
        """
        return self._send("GET", path)

    def text(self, path: str) -> str:
        """Read what is no object, such as a pod's log."""
        answer = self._http.get(path)
        if not answer.is_success:
            raise ApiError(answer.text)
        return answer.text

    def post(self, path: str, body: Manifest) -> Manifest:
        """Post to a subresource, such as a pod's eviction.

        Raises:
            ApiError: it is refused, as by a disruption budget.
        """
        return self._send("POST", path, json=body)

    def exists(self, path: str) -> bool:
        """Whether there is an object at a path."""
        answer = self._http.get(path)
        if answer.status_code == _MISSING:
            return False
        return answer.is_success

    def items(self, path: str) -> list[Manifest]:
        """The objects of a list."""
        return list(self.get(path)["items"])

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object; with `dry_run` only admission sees it.

        Raises:
            ApiError: the schema, a policy, a quota or another admission plugin refuses it.
        """
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return self._send("POST", self.path_of(manifest, named=False), json=manifest, params=query)

    def apply(self, manifest: Manifest, *, manager: str, dry_run: bool = False) -> Manifest:
        """Apply an object by server-side apply, as `kubectl apply --server-side` does.

        Raises:
            ApiError: it is refused, or another manager owns a field that it changes.
        """
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return self._send(
            "PATCH",
            self.path_of(manifest),
            json=manifest,
            params=query | ({"dryRun": "All"} if dry_run else {}),
            headers={"content-type": "application/apply-patch+yaml"},
        )

    def patch(self, path: str, change: Manifest, *, manager: str) -> Manifest:
        """Merge a change into an object, or into a subresource such as `scale`."""
        return self._send(
            "PATCH",
            path,
            json=change,
            params={"fieldManager": manager},
            headers={"content-type": "application/merge-patch+json"},
        )

    def delete(self, path: str, *, grace_seconds: int | None = None) -> None:
        """Delete an object; it may be gone already."""
        query = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        if self.exists(path):
            self._send("DELETE", path, params=query)

    def path_of(self, manifest: Manifest, *, named: bool = True) -> str:
        """The path of an object, or of the collection that it belongs to."""
        version = manifest["apiVersion"]
        plural, namespaced = self._resource(version, manifest["kind"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        namespace = manifest["metadata"].get("namespace")
        middle = f"/namespaces/{namespace}" if namespaced else ""
        return f"{root}{middle}/{plural}" + (f"/{manifest['metadata']['name']}" if named else "")

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        if (version, kind) not in self._plurals:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            for resource in self.get(root)["resources"]:
                if "/" not in resource["name"]:
                    found = (resource["name"], resource["namespaced"])
                    self._plurals[version, resource["kind"]] = found
        return self._plurals[version, kind]

    def _send(self, method: str, path: str, **more: Any) -> Manifest:
        answer = self._http.request(method, path, **more)
        if not answer.is_success:
            raise ApiError(_message_of(answer))
        return dict(answer.json())


def _message_of(answer: httpx2.Response) -> str:
    """The message of a refusal; a server behind the API server that is not there is no Status object."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"


def wait_until(condition: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """Wait until a condition is true, and return what it gave.

    Raises:
        TimeoutError: it is not in time; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s not true: {what}")
        time.sleep(_POLL_SECONDS)
    return found
