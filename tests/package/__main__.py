"""Checks the distributions as a user installs them: `python -m tests.package [--keep FOLDER]`."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.builders import BREAST
from tests.package.building import (
    ROOT,
    build,
    files_of,
    install,
    metadata_of,
    new_environment,
    run,
    tracked_files,
)

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


class Installed:
    """The program in a clean environment, in a folder that holds nothing of the repository."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._program = python.with_name("oncofhir")
        self._folder = folder
        self._environment = {
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }

    def __call__(self, *arguments: str, **environment: str) -> str:
        return run(
            [str(self._program), *arguments], cwd=self._folder, env=self._environment | environment
        )

    def end(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it where it is expected to fail."""
        return subprocess.run(
            [str(self._program), *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def shell(self, script: str) -> str:
        return run(["bash", "-c", script], cwd=self._folder, env=self._environment)


def version(oncofhir: Installed) -> str:
    first, prompt_sets, model = oncofhir("--version").splitlines()
    assert first == f"oncofhir {VERSION}", first
    assert "cancerllm@" in prompt_sets, prompt_sets
    assert re.search(r"sha256:[0-9a-f]{64}$", model), model
    return first


def extract(oncofhir: Installed) -> str:
    (oncofhir._folder / "report.txt").write_text(BREAST)
    found = json.loads(oncofhir("extract", "--model", "rules", "report.txt"))
    kinds = {finding["kind"] for finding in found["findings"]}
    assert {"diagnosis", "tumor-size"} <= kinds, kinds
    return f"{len(found['findings'])} findings"


def completion(oncofhir: Installed) -> str:
    """In bash: the script that `--install-completion` installs is sourced, and asked to complete."""
    script = oncofhir(_ONCOFHIR_COMPLETE="source_bash")
    (oncofhir._folder / "completion.sh").write_text(script)
    name = re.search(r"complete .*-F (\S+) oncofhir", script)
    assert name, script
    asked = (
        f"source completion.sh; COMP_WORDS=(oncofhir ex); COMP_CWORD=1; {name[1]} oncofhir; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    completed = oncofhir.shell(asked).split()
    assert completed == ["extract"], completed
    for shell in ("zsh", "fish"):
        assert "oncofhir" in oncofhir(_ONCOFHIR_COMPLETE=f"source_{shell}")
    return "bash completes 'ex' to 'extract'; zsh and fish have scripts"


def extras_are_named(oncofhir: Installed) -> str:
    """Without the extras a command says what to install, and no traceback is printed."""
    for arguments, extra in (
        (("sink", "--once"), "warehouse"),
        (("erase", "--patient", "Patient/1", "--duckdb", "w.duckdb"), "warehouse"),
        (("demo",), "demo"),
        (("evaluate", "reports.jsonl"), "evaluate"),
    ):
        ended = oncofhir.end(*arguments)
        assert ended.returncode == 2, ended.stderr
        assert f"[{extra}]" in ended.stderr, ended.stderr
        assert "Traceback" not in ended.stderr
    return "sink, erase, demo and evaluate name the missing extra"


def settings_of_0_1_0(oncofhir: Installed) -> str:
    """An old setting is read, and a warning names the new one."""
    shown = oncofhir("config", "show", ONCOFHIR_RETRY__BREAKER_THRESHOLD="7")
    values = {line["variable"]: line["value"] for line in map(json.loads, shown.splitlines())}
    assert values["ONCOFHIR_RETRY__CIRCUIT_BREAKER_THRESHOLD"] == 7, shown
    return "ONCOFHIR_RETRY__BREAKER_THRESHOLD is read as CIRCUIT_BREAKER_THRESHOLD"


CHECKS: tuple[Callable[[Installed], str], ...] = (
    version,
    extract,
    completion,
    extras_are_named,
    settings_of_0_1_0,
)


def distributions(folder: Path) -> Iterator[tuple[str, str]]:
    wheel, sdist = build(folder)
    assert wheel.name == f"oncofhir-{VERSION}-py3-none-any.whl", wheel.name
    assert sdist.name == f"oncofhir-{VERSION}.tar.gz", sdist.name
    missing = {name for name in tracked_files() if not name.endswith(".gitignore")} - files_of(
        wheel
    )
    assert not missing, f"not in the wheel: {sorted(missing)[:5]}"
    surplus = files_of(wheel) - tracked_files()
    assert not surplus, f"only in the wheel: {sorted(surplus)[:5]}"
    metadata = metadata_of(wheel)
    for line in (
        f"Version: {VERSION}",
        "License-Expression: Apache-2.0",
        "Description-Content-Type: text/markdown",
    ):
        assert line in metadata, line
    yield (
        "wheel from sdist",
        f"{wheel.name}, {wheel.stat().st_size / 2**20:.1f} MiB, {len(files_of(wheel))} files",
    )
    python = new_environment(folder / "clean")
    install(
        python, "--only-binary", ":all:", "--require-hashes", "-r", str(ROOT / "requirements.lock")
    )
    install(python, "--no-deps", "--no-index", str(wheel))
    run([str(python), "-m", "pip", "check"])
    yield "installed", "with the pinned requirements; pip check is content"
    home = folder / "home"
    home.mkdir()
    oncofhir = Installed(python, home)
    for check in CHECKS:
        yield check.__name__.replace("_", " "), check(oncofhir)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="keep the distributions in this folder")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oncofhir-package-") as temporary:
        folder = Path(temporary)
        try:
            for name, result in distributions(folder):
                print(f"{name:20} {result}", flush=True)
        except AssertionError as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
        if arguments.keep is not None:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            for built in (folder / "dist").iterdir():
                built.replace(arguments.keep / built.name)
    print(f"package-check passed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
