"""Namespaces for the whole cluster: what runs in them ends with the command, and nothing of it stays on the machine.

The command runs itself again as the first process of namespaces of its own for processes, mounts and the network.
When that process ends, the kernel ends all others, unmounts what they mounted and removes their network.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.cluster.api import wait_until

_MARK = "ONCOFHIR_TEST_CLUSTER"
_LOCK = Path(tempfile.gettempdir()) / "oncofhir-cluster.lock"
_CGROUPS = Path("/sys/fs/cgroup")
# Where kubelets look for device plugins, whatever their own folder is.
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")


def state_folder() -> Path | None:
    """The folder for the state of the cluster; None outside the namespaces."""
    name = os.environ.get(_MARK)
    return Path(name) if name else None


def run_isolated(arguments: list[str]) -> int:
    """Run this command again within namespaces, and return its exit status; one such run at a time.

    Nodes of two runs would share their cgroups.
    """
    command = [
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *(sys.executable, "-m", "tests.cluster", *arguments),
    ]
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run of this command to end", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return _run(command)


def _run(command: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="oncofhir-cluster-"))
    made = [each for each in (_DEVICE_PLUGINS, _DEVICE_PLUGINS.parent) if not each.exists()]
    _DEVICE_PLUGINS.mkdir(parents=True, exist_ok=True)
    try:
        environment = os.environ | {_MARK: str(folder)}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        # Out here, and again and again: mounts and containers end after the first process has.
        wait_until(lambda: _is_removed(folder), f"{folder} and the cgroups are removed", 300)
        for each in made:
            each.rmdir()


def prepare() -> None:
    """Make mounts of this namespace visible to pods, and hide the machine's /run and device plugins."""
    for command in (
        ["mount", "--make-rshared", "/"],
        ["mount", "-t", "tmpfs", "tmpfs", "/run"],
        ["mount", "-t", "tmpfs", "tmpfs", str(_DEVICE_PLUGINS)],
    ):
        subprocess.run(command, check=True)


def resolve_names(server: str, folder: Path) -> None:
    """Let this process resolve the names of the cluster."""
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {server}\nsearch cluster.local\noptions ndots:5\n")
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)


def _is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    roots = [
        root for controller in _CGROUPS.iterdir() for root in controller.glob("oncofhir-node*")
    ]
    for root in roots:
        for group, _, _ in os.walk(root, topdown=False):  # the innermost first
            with suppress(OSError):
                Path(group).rmdir()
    return not folder.exists() and not any(root.exists() for root in roots)
