"""Runs a stage in an empty folder in place of a container: the same commands, copies and variables.

Absolute paths of the image lie under the folder; `python` is an interpreter of this machine. It shows
that the stage works from what it copies and pins; it is no image.
"""

import shlex
import shutil
import subprocess
from pathlib import Path

from image.containerfile import Stage

_ROOTED = ("/opt", "/src")


class StageFailedError(Exception):
    """A command of a stage ended with an error; the message has the command and its last words."""


class Root:
    """A folder that stands for the root of a stage."""

    def __init__(self, folder: Path, context: Path, python: str) -> None:
        self.folder = folder
        self._context = context
        programs = folder / "usr" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(python)
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }
        self._workdir = folder

    def run(self, stage: Stage) -> None:
        """Do what a stage says.

        Raises:
            StageFailedError: a command failed.
            ValueError: an instruction is not known here.
        """
        for each in stage.instructions:
            if each.name == "RUN":
                self._run(each.text)
            elif each.name == "COPY":
                self._copy(shlex.split(each.text))
            elif each.name == "ENV":
                self._environment |= dict(pair.split("=", 1) for pair in shlex.split(each.text))
            elif each.name == "WORKDIR":
                self._workdir = Path(self.rooted(each.text))
                self._workdir.mkdir(parents=True, exist_ok=True)
            else:
                raise ValueError(f"{each.name} is not known in a build stage")

    def rooted(self, text: str) -> str:
        """A text with the image's absolute paths as they are under this root."""
        for path in _ROOTED:
            text = text.replace(f"{path}/", f"{self.folder}{path}/")
            text = text.replace(f"{path} ", f"{self.folder}{path} ")
        return f"{self.folder}{text}" if text in _ROOTED else text

    def keep(self, path: str) -> None:
        """Leave one folder of the image and nothing else of the stage, as COPY --from does.

        The base image's interpreter stays: the next stage begins with it, too.
        """
        kept = Path(self.rooted(path))
        base = self.folder / "usr"
        for other in sorted(self.folder.rglob("*"), key=lambda each: len(each.parts)):
            stays = kept in (other, *other.parents) or other in kept.parents
            if stays or base in (other, *other.parents) or not other.parent.exists():
                continue
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other)
            else:
                other.unlink(missing_ok=True)

    def _run(self, command: str) -> None:
        ended = subprocess.run(
            ["/bin/sh", "-euc", self.rooted(command)],
            env=self._environment,
            cwd=self._workdir,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            said = "\n".join((ended.stdout + ended.stderr).splitlines()[-8:])
            raise StageFailedError(f"RUN {command}\n{said}")

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        for source in sources:
            at = self._context / source
            to = self._workdir / target
            if at.is_dir():
                shutil.copytree(at, to, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
            else:
                shutil.copy2(at, to)
