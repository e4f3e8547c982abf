"""Java programs for tests: what a `pom.xml` names, from Maven Central, on the JDK."""

import hashlib
import shutil
import subprocess
from pathlib import Path

_BUILD = Path(__file__).parents[1] / "build"
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"


class CannotRun(Exception):
    """The JDK or Maven is missing, or one of them failed."""


def class_path(pom: Path, name: str) -> str:
    """The class path of a `pom.xml`; fetched once, then from Maven's own store.

    Raises:
        CannotRun: with what is missing, or Maven's last words.
    """
    folder = _BUILD / name
    file = folder / f"class-path-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}.txt"
    if not file.is_file() or not all(Path(jar).exists() for jar in file.read_text().split(":")):
        folder.mkdir(parents=True, exist_ok=True)
        run([tool("mvn", "Maven"), "-q", "-B", "-f", str(pom), _GOAL, f"-Dmdep.outputFile={file}"])
    return file.read_text()


def java() -> str:
    """The program `java`.

    Raises:
        CannotRun: there is none.
    """
    return tool("java", "a JDK, 17 or newer")


def tool(name: str, what: str) -> str:
    """A program on the PATH.

    Raises:
        CannotRun: there is none; the message says what is needed.
    """
    found = shutil.which(name)
    if found is None:
        raise CannotRun(f"{what} is needed: there is no '{name}' on the PATH")
    return found


def run(command: list[str]) -> str:
    """What a command prints.

    Raises:
        CannotRun: it failed; the message has its last words.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise CannotRun(f"{command[0]} failed: {' | '.join(told[:3])}")
    return done.stdout
