"""Reads a Containerfile: its stages and their instructions, in order.

Only what ours uses: comments, continued lines, ARG, FROM … AS, and instructions with their text.
Source of the format: https://docs.docker.com/reference/dockerfile/.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals and the rest of it on one line."""

    name: str
    text: str


@dataclass(frozen=True)
class Stage:
    """A stage by its name."""

    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def texts(self, name: str) -> list[str]:
        """The texts of all instructions of a name."""
        return [each.text for each in self.instructions if each.name == name]


def stages(file: Path) -> dict[str, Stage]:
    """The stages of a file.

    Raises:
        ValueError: a stage has no name.
    """
    found: dict[str, Stage] = {}
    stage: Stage | None = None
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, text = line.strip().partition(" ")
        if name.upper() == "FROM":
            _, mark, stage_name = text.partition(" AS ")
            if not mark:
                raise ValueError(f"a stage without a name: {line}")
            stage = found[stage_name] = Stage(stage_name)
        elif name and stage is not None:
            stage.instructions.append(Instruction(name.upper(), text.strip()))
    return found
