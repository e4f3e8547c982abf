"""Apache Kafka's jars: fetched once over HTTPS, each checked against the SHA-256 in `jars.txt`.

Nothing but Python is needed to fetch them. `ONCOFHIR_TEST_MAVEN` names another Maven repository.
"""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VERSION = "4.4.0"
_CENTRAL = "https://repo1.maven.org/maven2"
_LIST = Path(__file__).with_name("jars.txt")
_AT_A_TIME = 8
_TRIES = 3
_SECONDS = 60.0


class JarsMissing(Exception):
    """The jars cannot be had; the message says which and what to do."""


def cache_folder() -> Path:
    """Where the jars are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "oncofhir" / f"apache-kafka-{VERSION}"


def jars(folder: Path | None = None) -> tuple[Path, ...]:
    """All jars of the broker's class path; those that are missing are fetched (45 MB in all).

    Raises:
        JarsMissing: one cannot be fetched, or is not what `jars.txt` says.
    """
    folder = folder or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line.split() for line in _LIST.read_text().splitlines() if not line.startswith("#")]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return tuple(pool.map(lambda line: fetched_file(folder, *line), lines))


def fetched_file(folder: Path, sha256: str, path: str) -> Path:
    """A file of the repository, fetched unless the folder has it.

    Raises:
        JarsMissing: it cannot be fetched, or has another SHA-256.
    """
    file = folder / Path(path).name
    if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256:
        return file
    url = f"{os.environ.get('ONCOFHIR_TEST_MAVEN', _CENTRAL).rstrip('/')}/{path}"
    content = _fetched(url)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise JarsMissing(f"{url} has SHA-256 {found}, not {sha256}")
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
        part.write(content)
    Path(part.name).replace(file)  # whole or not at all, also when two runs fetch at once
    return file


def _fetched(url: str) -> bytes:
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError) as error:
            if not left:
                raise JarsMissing(
                    f"{url} cannot be fetched ({error}). Apache Kafka comes from Maven Central: "
                    "allow HTTPS to it (HTTPS_PROXY is heeded), or name a mirror with "
                    f"ONCOFHIR_TEST_MAVEN, or copy the jars to {cache_folder()}."
                ) from error
    raise AssertionError
