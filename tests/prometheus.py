"""Prometheus and promtool from Debian's package, unpacked below build/, without installing or starting a service."""

import shutil
import subprocess
import tempfile
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "build" / "prometheus"


class CannotInstall(Exception):
    """The program is neither on the PATH nor to be had from Debian."""


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; fetched once.

    Raises:
        CannotInstall: it cannot be had; the message says why.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    unpacked = _FOLDER / "usr" / "bin" / name
    if not unpacked.is_file():
        _fetch()
    return str(unpacked)


def _fetch() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotInstall("install Prometheus, so that prometheus and promtool are on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        if _apt("download", "prometheus", folder=folder).returncode:
            _apt("update", "-qq", folder=folder)
            done = _apt("download", "prometheus", folder=folder)
            if done.returncode:
                raise CannotInstall(f"apt-get download prometheus: {done.stderr.strip()}")
        (package,) = Path(folder).glob("prometheus_*.deb")
        _FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", str(package), str(_FOLDER)], check=True)


def _apt(*arguments: str, folder: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["apt-get", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
