"""`python -m image.check`: the Containerfile's stages in a clean root, and what the image must keep.

Ends with one JSON line of figures. Exit status 1 if anything is wrong; nothing is skipped: where the
user of the image cannot be taken on (a check without root), it says so and the check still needs a tree
that is not writable.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from image.building import Root, StageFailedError
from image.containerfile import stages
from image.tree import CONTEXT, Check, as_user

_SUITS = "import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"


def base_python(user: int | None) -> str:
    """An interpreter that the image's user can run, of a version that pyproject.toml allows.

    Raises:
        LookupError: there is none.
    """
    names = [f"/usr/{place}bin/python3.{n}" for n in (13, 12, 11) for place in ("local/", "")]
    for candidate in [str(Path(sys.executable).resolve()), *names]:
        try:
            ended = subprocess.run(
                [candidate, "-c", _SUITS],
                **as_user(user), capture_output=True, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if ended.returncode == 0:
            return candidate
    raise LookupError(
        f"no Python 3.11 to 3.13 that user {user} can run; install one under /usr/bin"
    )


def lint(file: Path) -> list[str]:
    """What hadolint finds."""
    hadolint = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run(
        [str(hadolint), "--no-color", str(file)], capture_output=True, text=True, check=False
    )
    return [f"hadolint: {line}" for line in (ended.stdout + ended.stderr).splitlines()]


def sbom(python: Path, target: Path) -> None:
    """Write the bill of materials (CycloneDX JSON) of what is installed beside an interpreter."""
    target.parent.mkdir(parents=True, exist_ok=True)
    project = ["--pyproject", str(CONTEXT / "pyproject.toml")]
    output = ["--output-format", "JSON", "--output-file", str(target)]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *project, *output, str(python)]
    subprocess.run(command, check=True, capture_output=True)


def main() -> int:
    """Build, check, and print the figures."""
    began = time.monotonic()
    arguments = argparse.ArgumentParser(prog="python -m image.check", description=__doc__)
    arguments.add_argument("--file", type=Path, default=CONTEXT / "Containerfile")
    arguments.add_argument("--sbom", type=Path, help="write the bill of materials there")
    given = arguments.parse_args()
    found = stages(given.file)
    image = found["image"]
    user = int(image.texts("USER")[0].split(":")[0]) if os.geteuid() == 0 else None
    if user is None:
        print("image-check: not root, so commands run as the current user", file=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="oncofhir-image-"))
    folder.chmod(0o755)
    findings = lint(given.file)
    checks, size = 1, 0
    try:
        root = Root(folder, CONTEXT, base_python(user))
        root.run(found["build"])
        root.keep("/opt/oncofhir")
        if given.sbom:
            sbom(Path(root.rooted("/opt/oncofhir/bin/python")), given.sbom)
        size = sum(
            path.stat().st_size
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        )
        check = Check(root, image, user)
        with check.untouched():
            check.declarations()
            check.packages()
            check.commands()
            check.life()
        findings += check.findings
        checks += check.checks
    except (StageFailedError, LookupError) as error:
        findings.append(str(error))
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)
    for finding in findings:
        print(f"image-check: {finding}", file=sys.stderr)
    figures = {"ok": not findings, "checks": checks, "findings": len(findings), "user": user or os.geteuid(),
               "megabytes": round(size / 2**20), "seconds": round(time.monotonic() - began, 1)}  # fmt: skip
    print(json.dumps(figures))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
