"""HAPI's validator, from Maven Central, on the JDK."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_BUILD = _HERE.parents[1] / "build" / "validator"


class Message(NamedTuple):
    """One message; `severity` is error, warning, information or unchecked."""

    file: str
    severity: str
    kind: str
    path: str
    text: str


class CannotRun(Exception):
    """The JDK or Maven is missing, or one of them failed."""


def validated(packages: Path, resources: Path) -> list[Message]:
    """What the validator says of every resource of a folder.

    Raises:
        CannotRun: with what is missing, or the tool's last words.
    """
    java = _tool("java", "a JDK, 17 or newer")
    said = _run(
        [
            java,
            "-cp",
            _class_path(),
            str(_HERE / "Validate.java"),
            str(packages),
            str(resources),
        ]
    )
    return [Message(**json.loads(line)) for line in said.splitlines()]


def _class_path() -> str:
    pom = _HERE / "pom.xml"
    file = _BUILD / f"class-path-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}.txt"
    if not file.is_file() or not all(Path(jar).exists() for jar in file.read_text().split(":")):
        _BUILD.mkdir(parents=True, exist_ok=True)
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
        maven = _tool("mvn", "Maven")
        _run([maven, "-q", "-B", "-f", str(pom), goal, f"-Dmdep.outputFile={file}"])
    return file.read_text()


def _tool(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CannotRun(f"{what} is needed: there is no '{name}' on the PATH")
    return found


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise CannotRun(f"{command[0]} failed: {' | '.join(told[:3])}")
    return done.stdout
