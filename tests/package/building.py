"""Builds the distributions in an environment of their own, from pinned build requirements."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def new_environment(folder: Path) -> Path:
    """Create an environment and return its interpreter."""
    run([sys.executable, "-m", "venv", str(folder)])
    return folder / "bin" / "python"


def install(python: Path, *arguments: str) -> None:
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


def run(command: list[str], **options: object) -> str:
    """Run a command and return what it printed.

    Raises:
        AssertionError: it failed; the message has its last words.
    """
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=600, **options
    )
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    return ran.stdout


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist from the repository and the wheel from the sdist; return wheel and sdist."""
    python = new_environment(folder / "build")
    install(
        python,
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        str(ROOT / "requirements-build.lock"),
    )
    out = folder / "dist"
    run([str(python), "-m", "hatchling", "build", "-t", "sdist", "-d", str(out)], cwd=ROOT)
    [sdist] = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    run([str(python), "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=source)
    [wheel] = out.glob("*.whl")
    return wheel, sdist


def files_of(wheel: Path) -> set[str]:
    """The files of the package in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("oncofhir/")}


def metadata_of(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


def tracked_files() -> set[str]:
    """The files of the package that git knows or would add."""
    listed = run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "oncofhir"], cwd=ROOT
    )
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}
