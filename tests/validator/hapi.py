"""HAPI's validator, from Maven Central, on the JDK."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.maven import class_path, java, run

_HERE = Path(__file__).parent


class Message(NamedTuple):
    """One message; `severity` is error, warning, information or unchecked."""

    file: str
    severity: str
    kind: str
    path: str
    text: str


def validated(packages: Path, resources: Path) -> list[Message]:
    """What the validator says of every resource of a folder.

    Raises:
        CannotRun: with what is missing, or the tool's last words.
    """
    said = run(
        [
            java(),
            "-cp",
            class_path(_HERE / "pom.xml", "validator"),
            str(_HERE / "Validate.java"),
            str(packages),
            str(resources),
        ]
    )
    return [Message(**json.loads(line)) for line in said.splitlines()]
