"""The programs of the cluster, built from Go modules once and kept in the user's cache by version."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "1.37.2"
_SOURCES = Path(__file__).parent / "programs"
_MINOR = KUBERNETES.split(".")[1]
_VERSION_FLAGS = " ".join(
    f"-X k8s.io/component-base/version.{name}={value}"
    for name, value in (
        ("gitVersion", f"v{KUBERNETES}"),
        ("gitMajor", "1"),
        ("gitMinor", _MINOR),
    )
)


class CannotBuild(Exception):
    """A program is missing and cannot be built; the message has the remedy or Go's last words."""


@dataclass(frozen=True)
class Program:
    """One Go program, and the components that it runs as when it is called by their names."""

    name: str
    module: str
    package: str
    components: tuple[str, ...]
    uses_c: bool = False  # linked statically


CONTROL_PLANE = Program(
    "controlplane",
    "kubernetes",
    "./controlplane",
    ("etcd", "kube-apiserver", "kube-controller-manager"),
)
NODE = Program(
    "node", "kubernetes", "./node", ("kubelet", "kube-proxy", "kube-scheduler", "kubectl")
)
DNS = Program("dns", "dns", ".", ("coredns",))
ROUTER = Program(
    "router",
    "router",
    "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    ("kube-router",),
)
HELM_3 = Program("helm", "helm3", "helm.sh/helm/v3/cmd/helm", ("helm3",))
GPU = Program("gpu", "gpu", ".", ("gpu-device-plugin",))
GHOSTUNNEL = Program(
    "tls", "ghostunnel", "github.com/ghostunnel/ghostunnel", ("ghostunnel",), uses_c=True
)
METRICS = Program(
    "metrics", "metrics", "sigs.k8s.io/metrics-server/cmd/metrics-server", ("metrics-server",)
)

KEDA = Program("keda", "keda", "github.com/kedacore/keda/v2/cmd/operator", ("keda-operator",))
KEDA_METRICS = Program(
    "keda-metrics", "keda", "github.com/kedacore/keda/v2/cmd/adapter", ("keda-metrics-apiserver",)
)
_OPERATOR = "github.com/prometheus-operator/prometheus-operator/cmd"
PROMETHEUS_OPERATOR, RELOADER = (
    Program(name, "prometheus-operator", f"{_OPERATOR}/{package}", (name,))
    for name, package in (
        ("prometheus-operator", "operator"),
        ("prometheus-config-reloader", "prometheus-config-reloader"),
    )
)
PROMETHEUS = Program(
    "prometheus", "prometheus", "github.com/prometheus/prometheus/cmd/prometheus", ("prometheus",)
)


def cache() -> Path:
    """The folder of the programs of this version of Kubernetes."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "oncofhir" / f"kubernetes-{KUBERNETES}"


def file_of(program: Program) -> Path:
    """Where a program lies; another name when its Go files or the versions of its modules change."""
    digest = hashlib.sha256()
    for file in sorted((_SOURCES / program.module).rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    return cache() / f"{program.name}-{digest.hexdigest()[:8]}"


def is_built(*programs: Program) -> bool:
    """Whether all of these programs are in the cache."""
    return all(file_of(program).is_file() for program in programs)


def build(programs: tuple[Program, ...], report: Callable[[str], None]) -> Path:
    """Build the programs that are not in the cache, and return the folder of their components.

    A first build downloads about 1 GB of modules and takes some 10 minutes of CPU time.

    Raises:
        CannotBuild: Go is missing, or a build failed.
    """
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs:
        target = file_of(program)
        if not target.is_file():
            report(f"building {program.name} from Go modules; minutes, once per version")
            _build(program, target)
        for component in program.components:
            link = folder / component
            link.unlink(missing_ok=True)
            link.symlink_to(target.name)
    return folder


def _build(program: Program, target: Path) -> None:
    if shutil.which("go") is None:
        raise CannotBuild("Go is needed to build Kubernetes: install Go 1.26 or newer")
    partial = target.with_suffix(".partial")
    flags = f"-s -w {_VERSION_FLAGS}" + (" -extldflags=-static" if program.uses_c else "")
    done = subprocess.run(
        [
            *("go", "build", "-trimpath", "-ldflags", flags),
            *(("-tags=netgo,osusergo",) if program.uses_c else ()),
            *("-o", str(partial), program.package),
        ],
        cwd=_SOURCES / program.module,
        env=os.environ
        | {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
        | {"CGO_ENABLED": str(int(program.uses_c))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(f"go build of {program.name} failed: {done.stderr.strip()[-500:]}")
    partial.rename(target)
