"""Two nodes in network namespaces: containerd, kubelet, kube-proxy and kube-router each. Needs root.

It runs within the namespaces that `isolation` made: this process is on node 1, node 2 is a namespace beside it.
There is no way out of the machine: pods that reach anything do so within the cluster.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import yaml

from oncofhir.demo.process import Process
from tests.cluster.api import Api, wait_until
from tests.cluster.images import PAUSE

CONTROL_PLANE_ADDRESS = "10.90.0.1"
SERVICES = "10.92.0.0/16"
DNS_ADDRESS = "10.92.0.10"
_PODS = "10.91.0.0/16"
_CGROUPS = Path("/sys/fs/cgroup")
_READY_SECONDS = 180.0


def network() -> "subprocess.Popen[bytes]":
    """Join node 2's network namespace to this one; the process that is returned holds it open."""
    _run("ip", "link", "set", "lo", "up")
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    other = f"/proc/{holder.pid}/ns/net"
    own = Path("/proc/self/ns/net").readlink()
    wait_until(lambda: Path(other).readlink() != own, "node 2 has a network namespace")
    _run(
        "ip",
        "link",
        "add",
        "node2",
        "type",
        "veth",
        "peer",
        "name",
        "node1",
        "netns",
        str(holder.pid),
    )
    in_other = ["nsenter", f"--net={other}"]
    _run(*in_other, "ip", "link", "set", "lo", "up")
    for prefix, number, device in (([], 1, "node2"), (in_other, 2, "node1")):
        _run(*prefix, "ip", "address", "add", f"10.90.0.{number}/24", "dev", device)
        _run(*prefix, "ip", "link", "set", device, "up")
        beside = 3 - number
        _run(*prefix, "ip", "route", "add", f"10.91.{beside}.0/24", "via", f"10.90.0.{beside}")
        # Addresses of services are translated on the way: packets need a route to be looked at.
        _run(*prefix, "ip", "route", "add", "default", "via", f"10.90.0.{beside}")
        _run(*prefix, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
    return holder


class Node:
    """One node of the cluster. A context manager: leaving it stops its programs, not its containers."""

    def __init__(
        self, number: int, enter: list[str], programs: Path, folder: Path, kubeconfig: Path
    ) -> None:
        self.name = f"node{number}"
        self._number = number
        self._enter = enter
        self._programs = programs
        self._folder = folder / self.name
        self._kubeconfig = kubeconfig
        self._running = ExitStack()

    def start(self, images: list[Path]) -> None:
        """Start containerd and the kubelet, and import the images."""
        for name in ("kubelet", "network", "logs", "pki"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        _cgroups(self.name)
        socket = self._folder / "containerd.sock"
        ctr = [*self._enter, "ctr", "--address", str(socket)]
        config = self._containerd(socket)
        self._run(
            "containerd",
            ["containerd", "--config", str(config)],
            lambda: _succeeds([*ctr, "version"]),
        )
        for image in images:
            _run(*ctr, "--namespace=k8s.io", "image", "import", str(image))
        kubelet = self._kubelet(socket)
        self._run(
            "kubelet",
            [
                str(self._programs / "kubelet"),
                f"--kubeconfig={self._kubeconfig}",
                f"--config={kubelet}",
                f"--root-dir={self._folder / 'kubelet'}",
                f"--cert-dir={self._folder / 'pki'}",
                f"--hostname-override={self.name}",
                f"--node-ip=10.90.0.{self._number}",
            ],
            lambda: _succeeds([*self._enter, "curl", "-sf", "http://127.0.0.1:10248/healthz"]),
        )

    def start_network(self) -> None:
        """Start what makes services reachable and enforces policies; the node must be registered."""
        self._run(
            "kube-proxy",
            [
                str(self._programs / "kube-proxy"),
                f"--kubeconfig={self._kubeconfig}",
                f"--hostname-override={self.name}",
                "--proxy-mode=iptables",
                f"--cluster-cidr={_PODS}",
                f"--bind-address=10.90.0.{self._number}",
                # The limits of connection tracking are the machine's and cannot be set here.
                "--conntrack-max-per-core=0",
                "--conntrack-tcp-timeout-established=0",
                "--conntrack-tcp-timeout-close-wait=0",
            ],
            lambda: _succeeds([*self._enter, "curl", "-sf", "http://127.0.0.1:10249/healthz"]),
        )
        self._run(
            "kube-router",
            [
                "env",
                f"NODE_NAME={self.name}",
                str(self._programs / "kube-router"),
                f"--kubeconfig={self._kubeconfig}",
                f"--hostname-override={self.name}",
                "--run-router=false",
                "--run-service-proxy=false",
                "--run-firewall=true",
                f"--service-cluster-ip-range={SERVICES}",
                "--enable-ipv6=false",
                "--health-port=20244",
                "--metrics-port=0",
            ],
            lambda: _succeeds([*self._enter, "iptables", "-n", "-L", "KUBE-ROUTER-FORWARD"]),
        )

    def stop(self) -> None:
        """Stop the programs of the node."""
        self._running.close()

    def _run(self, name: str, command: list[str], ready: Callable[[], bool]) -> None:
        process = Process(
            f"{self.name}-{name}",
            [*self._enter, *command],
            ready=ready,
            wait_seconds=_READY_SECONDS,
        )
        self._running.enter_context(process)

    def _containerd(self, socket: Path) -> Path:
        plugins = self._folder / "network" / "10-pods.conflist"
        plugins.write_text(
            json.dumps(
                {
                    "cniVersion": "0.4.0",
                    "name": "pods",
                    "plugins": [
                        {
                            # Every packet between pods is forwarded, so that policies see it.
                            "type": "ptp",
                            "ipMasq": False,
                            "ipam": {
                                "type": "host-local",
                                "dataDir": str(self._folder / "addresses"),
                                "ranges": [[{"subnet": f"10.91.{self._number}.0/24"}]],
                                "routes": [{"dst": "0.0.0.0/0"}],
                            },
                        }
                    ],
                }
            )
        )
        config = self._folder / "containerd.toml"
        config.write_text(
            f"""version = 2
root = "{self._folder / "containerd"}"
state = "{self._folder / "containerd-state"}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true  # there may be no CAP_SYS_RESOURCE
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{plugins.parent}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self._folder / "opt"}"
"""
        )
        return config

    def _kubelet(self, socket: Path) -> Path:
        config = self._folder / "kubelet.yaml"
        (self._folder / "resolv.conf").write_text("")
        config.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "kubelet.config.k8s.io/v1beta1",
                    "kind": "KubeletConfiguration",
                    "cgroupDriver": "cgroupfs",
                    "cgroupRoot": f"/oncofhir-{self.name}",  # two kubelets share one machine
                    "failCgroupV1": False,
                    "failSwapOn": False,
                    "containerRuntimeEndpoint": f"unix://{socket}",
                    "authentication": {
                        "anonymous": {"enabled": True},
                        "webhook": {"enabled": False},
                    },
                    "authorization": {"mode": "AlwaysAllow"},
                    "clusterDNS": [DNS_ADDRESS],
                    "clusterDomain": "cluster.local",
                    "resolvConf": str(self._folder / "resolv.conf"),
                    "enforceNodeAllocatable": [],
                    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
                    "imageGCHighThresholdPercent": 100,  # a removed image cannot be pulled again
                    "podLogsDir": str(self._folder / "logs"),
                }
            )
        )
        return config


def _cgroups(name: str) -> None:
    """Make the cgroup that a kubelet works in, in every controller of version 1."""
    for controller in _CGROUPS.iterdir():
        if controller.is_dir() and (controller / "cgroup.procs").exists():
            with suppress(OSError):
                (controller / f"oncofhir-{name}").mkdir(exist_ok=True)
    for limit in ("cpuset.cpus", "cpuset.mems"):
        source = _CGROUPS / "cpuset" / limit
        if source.exists():
            (_CGROUPS / "cpuset" / f"oncofhir-{name}" / limit).write_text(source.read_text())


@contextmanager
def nodes(
    programs: Path,
    folder: Path,
    kubeconfig: Path,
    images: list[Path],
    api: Api,
    other: int,
    report: Callable[[str], None],
) -> Iterator[list[Node]]:
    """Run two nodes and the scheduler for as long as the context; process `other` holds node 2's network."""
    with ExitStack() as running:
        scheduler = Process(
            "kube-scheduler",
            [
                str(programs / "kube-scheduler"),
                f"--kubeconfig={kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            ready=lambda: True,
        )
        running.enter_context(scheduler)
        entering: list[list[str]] = [[], ["nsenter", f"--net=/proc/{other}/ns/net"]]
        found = []
        for number, enter in enumerate(entering, 1):
            report(f"starting node {number}")
            node = Node(number, enter, programs, folder, kubeconfig)
            running.callback(node.stop)
            node.start(images)
            found.append(node)
        for node in found:
            wait_until(lambda node=node: _is_ready(api, node.name), f"{node.name} is ready", 120)
            node.start_network()
        yield found


def _is_ready(api: Api, name: str) -> bool:
    path = f"/api/v1/nodes/{name}"
    if not api.exists(path):
        return False
    conditions = api.get(path)["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
