"""The images of the cluster, made from Debian packages and the Containerfile, without a registry. Needs root.

`BASE` stands in for docker.io/library/python: a minimal Debian with Python, made by debootstrap. `PROJECT`
is built from the Containerfile on it, `PAUSE` only sleeps, `TGI` is `PROJECT` with a launcher like TGI's. Kept in the cache as archives that containerd
imports; the project's image is made again when the sources change.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.cluster.programs import cache

BASE = "docker.io/library/python:3.13-slim-bookworm"
PROJECT = "registry.hospital.example/oncofhir:0.2.0"
PAUSE = "localhost/pause:1"
# The names in the profile for a GPU.
GHOSTUNNEL = "docker.io/ghostunnel/ghostunnel:v1.8.4"
TGI = "registry.hospital.example/text-generation-inference:3.3.7-nonroot"
_LAUNCHER = Path(__file__).parent / "secured" / "launcher.sh"
_ROOT = Path(__file__).parents[2]
_SUITE = "trixie"  # its Python is 3.13
_MIRROR = "http://deb.debian.org/debian"
_PACKAGES = "python3,python3-venv,ca-certificates,libgomp1"
_SOURCES = ("Containerfile", "pyproject.toml", "requirements.lock", "requirements-build.lock")
_PATH = "/usr/local/bin:/usr/bin:/bin"
_LAST_WORDS = 600


class CannotMakeImage(Exception):
    """A program is missing or failed; the message has its name and last words."""


def make(programs: Path, report: Callable[[str], None]) -> list[Path]:
    """Make the images that are not in the cache, and return their archives.

    `programs` has the Go programs.

    Raises:
        CannotMakeImage: debootstrap or buildah is missing, or one of them failed.
    """
    folder = cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    base, pause = folder / "base.tar", folder / "pause.tar"
    project, model = (folder / f"{name}-{_digest()}.tar" for name in ("oncofhir", "tgi"))
    ghostunnel = folder / "ghostunnel.tar"
    store = _Store(folder / "store")
    if not base.is_file() or not pause.is_file():
        report("making the base image with debootstrap (two minutes, once)")
        root = _debian(folder)
        store.add(root, BASE)
        store.save(BASE, base)
        store.add(root, PAUSE, command='["/usr/bin/sleep", "infinity"]')
        store.save(PAUSE, pause)
    if not project.is_file():
        report("building the project's image by the Containerfile")
        for old in (*folder.glob("oncofhir-*.tar"), *folder.glob("tgi-*.tar")):
            old.unlink()
        store.build(PROJECT)
        store.save(PROJECT, project)
    if not model.is_file():
        store.extend(PROJECT, _LAUNCHER, "/usr/local/bin/text-generation-launcher", TGI)
        store.save(TGI, model)
    if not ghostunnel.is_file():
        store.add_program(programs / "ghostunnel", GHOSTUNNEL)
        store.save(GHOSTUNNEL, ghostunnel)
    return [base, pause, project, model, ghostunnel]


def _digest() -> str:
    digest = hashlib.sha256()
    for file in [
        _LAUNCHER,
        *(_ROOT / name for name in _SOURCES),
        *sorted((_ROOT / "oncofhir").rglob("*")),
    ]:
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _debian(folder: Path) -> Path:
    root = folder / "debian"
    if not (root / "usr/local/bin/python").is_symlink():
        shutil.rmtree(root, ignore_errors=True)
        _run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, root, _MIRROR)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    # The build reaches the registries as this machine does.
    certificates = "etc/ssl/certs/ca-certificates.crt"
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    with suppress(FileNotFoundError):
        shutil.copyfile(f"/{certificates}", root / certificates)
    (root / "etc/pip.conf").write_text(f"[global]\ncert = /{certificates}\n")
    return root


class _Store:
    """buildah with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self._options = ("--root", folder / "root", "--runroot", folder / "run")

    def add(self, root: Path, image: str, command: str | None = None) -> None:
        container = self._buildah("from", "scratch").strip()
        self._buildah("add", "--quiet", container, f"{root}/", "/")
        options = ["--env", f"PATH={_PATH}", *(("--entrypoint", command) if command else ())]
        self._buildah("config", *options, container)
        self._buildah("commit", "--quiet", "--rm", container, image)

    def add_program(self, program: Path, image: str) -> None:
        """Make an image of a program that is linked statically."""
        container = self._buildah("from", "scratch").strip()
        self._buildah("copy", "--quiet", container, program.resolve(), f"/{program.name}")
        self._buildah("config", "--entrypoint", f'["/{program.name}"]', container)
        self._buildah("commit", "--quiet", "--rm", container, image)

    def extend(self, base: str, script: Path, target: str, image: str) -> None:
        """Make an image of another one and a script."""
        container = self._buildah("from", "--pull-never", base).strip()
        self._buildah("copy", "--quiet", "--chmod", "0755", container, script, target)
        self._buildah("commit", "--quiet", "--rm", container, image)

    def build(self, image: str) -> None:
        # The format docker keeps the Containerfile's HEALTHCHECK; the format OCI drops it. Layers are kept, so that a
        # change of the sources does not install all packages again.
        self._buildah(
            *("bud", "--quiet", "--layers", "--format", "docker", "--isolation", "chroot"),
            *("--network", "host", "--pull-never", "--tag", image, _ROOT),
        )

    def save(self, image: str, archive: Path) -> None:
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        self._buildah("push", "--quiet", image, f"docker-archive:{partial}:{image}")
        partial.rename(archive)

    def _buildah(self, *arguments: object) -> str:
        return _run("buildah", *self._options, *arguments)


def _run(program: str, *arguments: object) -> str:
    if shutil.which(program) is None:
        raise CannotMakeImage(f"{program} is needed: apt-get install {program}")
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-_LAST_WORDS:]
        raise CannotMakeImage(f"{program} failed: {words}")
    return done.stdout
