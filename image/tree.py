"""What the image must keep: its declarations, its packages, its commands, a worker's life, its tree."""

import json
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from image.building import Root
from image.containerfile import Stage

CONTEXT = Path(__file__).parents[1]
FORBIDDEN = ("torch", "transformers", "tensorflow", "vllm", "nvidia", "xllamacpp", "triton", "pip")
_LABELS = ("title", "description", "licenses", "version", "revision")
_START_SECONDS = 30.0
_LISTED = """
from importlib.metadata import distributions
for each in distributions():
    print(each.metadata["Name"], each.version)
"""


def as_user(user: int | None) -> dict[str, object]:
    """Arguments of subprocess that take on a user; none where there is none to take on."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


class Check:
    """The checks of one built tree."""

    def __init__(self, root: Root, image: Stage, user: int | None) -> None:
        self._tree = Path(root.rooted("/opt/oncofhir"))
        self._image = image
        self._user = user
        self._scratch = root.folder / "tmp"
        self._scratch.mkdir(mode=0o777)
        self._scratch.chmod(0o777)
        self._environment = {
            name: root.rooted(value)
            for text in image.texts("ENV")
            for name, value in (pair.split("=", 1) for pair in shlex.split(text))
        }
        self.findings: list[str] = []
        self.checks = 0

    def expect(self, ok: bool, what: str) -> None:
        """Count a check, and remember it if it failed."""
        self.checks += 1
        if not ok:
            self.findings.append(what)

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the image's entry point as its user, with its environment and no other."""
        return subprocess.Popen(
            [str(self._tree / "bin" / "oncofhir"), *arguments],
            env=self._environment | variables,
            cwd=self._scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **as_user(self._user),  # type: ignore[call-overload]
        )

    def ended(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run a command to its end."""
        with self.start(*arguments, **variables) as process:
            said, _ = process.communicate(timeout=60)
            return process.returncode, said

    def declarations(self) -> None:
        """What the last stage says of itself."""
        (user,) = self._image.texts("USER")
        self.expect(
            user.split(":")[0].isdigit() and user.split(":")[0] != "0",
            "USER is not a number other than 0",
        )
        labels = " ".join(self._image.texts("LABEL"))
        for label in _LABELS:
            self.expect(f"org.opencontainers.image.{label}=" in labels, f"no label {label}")
        self.expect(len(self._image.texts("HEALTHCHECK")) == 1, "no HEALTHCHECK")
        self.expect(not self._image.texts("RUN"), "the last stage runs commands; do that in build")
        self.expect(
            self._image.texts("ENTRYPOINT") == ['["oncofhir"]'], "the entry point is not oncofhir"
        )

    def packages(self) -> None:
        """What is installed is what the lock names, and no more than a worker needs."""
        locked = locked_versions(CONTEXT / "requirements.lock")
        listed = subprocess.run(
            [str(self._tree / "bin" / "python"), "-c", _LISTED],
            env=self._environment, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        installed = {_plain(name): version for name, version in map(str.split, listed.splitlines())}
        installed.pop("oncofhir")
        for name, version in installed.items():
            self.expect(
                version in locked.get(name, set()),
                f"{name} {version} is not what requirements.lock pins",
            )
            forbidden = any(name.startswith(prefix) for prefix in FORBIDDEN)
            self.expect(not forbidden, f"{name} does not belong into the image")

    def commands(self) -> None:
        """The commands answer, and a wrong setting is refused in one line."""
        status, said = self.ended("--help")
        self.expect(status == 0 and "oncofhir worker" in said, "--help does not answer")
        status, said = self.ended("worker", ONCOFHIR_KAFKA__BOOTSTRAP="x")
        refused = status == 2 and "unknown settings" in said and "Traceback" not in said
        self.expect(refused, f"a wrong setting is not refused: {status} {said[-200:]}")
        status, said = self.ended("worker", ONCOFHIR_CONFIG="/nowhere.toml")
        self.expect(
            status == 2 and "Traceback" not in said, "a missing settings file is not refused"
        )

    def life(self) -> None:
        """A worker without its dependencies lives, is not ready, is found healthy, and stops on SIGTERM."""
        port = _free_port()
        variables = {
            "ONCOFHIR_HTTP__PORT": str(port),
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
        }
        process = self.start("worker", **variables)
        try:
            lives = _until(lambda: _status(port, "/live") == 200 or process.poll() is not None)
            self.expect(lives and process.poll() is None, "the worker does not answer /live")
            self.expect(
                _status(port, "/ready") == 503, "a worker without a broker says it is ready"
            )
            (health,) = self._image.texts("HEALTHCHECK")
            command = json.loads(health.partition("CMD ")[2])
            ended = subprocess.run(
                command, env=self._environment | variables, cwd=self._scratch, capture_output=True,
                check=False, **as_user(self._user),
            )  # fmt: skip
            self.expect(ended.returncode == 0, f"HEALTHCHECK fails: {ended.stderr[-200:]!r}")
        finally:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=60)
        self.expect(
            process.returncode == 0,
            f"SIGTERM ends the worker with {process.returncode}: {said[-300:]}",
        )

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Around the other checks: the tree is read-only and stays as it is."""
        for path in [self._tree, *self._tree.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        before = {path: path.stat().st_mtime_ns for path in self._tree.rglob("*")}
        yield
        after = {path: path.stat().st_mtime_ns for path in self._tree.rglob("*")}
        self.expect(before == after, "something wrote into the tree")


def locked_versions(lock: Path) -> dict[str, set[str]]:
    """The versions that a lock file pins; several where they depend on Python or the platform."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE
    ):
        found.setdefault(_plain(name), set()).add(version)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _until(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.1)
    return False
