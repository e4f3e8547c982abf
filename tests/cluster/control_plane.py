"""etcd, API server and controller manager as processes on 127.0.0.1; no root, no containers."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from oncofhir.demo.process import Process, free_port
from tests.cluster.api import Api

_START_SECONDS = 120.0


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane."""

    api: Api
    kubeconfig: Path
    kubernetes: str


@contextmanager
def control_plane(
    programs: Path, folder: Path, report: Callable[[str], None], address: str = "127.0.0.1"
) -> Iterator[ControlPlane]:
    """Run a control plane for as long as the context; its state lies in `folder`.

    The API server listens on `address`, where nodes reach it.

    Raises:
        StartError: a component does not start; the message has its last words.
    """
    token = secrets.token_hex(16)
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    tokens.chmod(0o600)
    key = folder / "service-accounts.key"
    key.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    certificates = folder / "certificates"
    url = f"https://{address}:{free_port()}"
    kubeconfig = folder / "kubeconfig"
    authority = certificates / "apiserver.crt"
    kubeconfig.write_text(_kubeconfig(url, token, authority))
    with ExitStack() as running:
        report("starting etcd")
        etcd = running.enter_context(_Etcd(programs, folder))
        report("starting the API server")
        options = _aggregation(folder)
        running.enter_context(
            _api_server(programs, url, etcd.url, tokens, key, certificates, options)
        )
        api = running.enter_context(Api(url, token, authority))
        running.enter_context(_controller_manager(programs, kubeconfig, key, authority, api))
        yield ControlPlane(api, kubeconfig, api.get("/version")["gitVersion"].removeprefix("v"))


class _Etcd(Process):
    def __init__(self, programs: Path, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        peers = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            "etcd",
            [
                str(programs / "etcd"),
                f"--data-dir={folder / 'etcd'}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--unsafe-no-fsync",  # the data is thrown away
                "--log-level=warn",
            ],
            ready=lambda: Api.answers(f"{self.url}/health"),
        )


def _api_server(
    programs: Path,
    url: str,
    etcd: str,
    tokens: Path,
    key: Path,
    certificates: Path,
    options: list[str],
) -> Process:
    address, _, port = url.removeprefix("https://").partition(":")
    options = [*options, f"--bind-address={address}", f"--advertise-address={address}"]
    if address.startswith("127."):  # an Endpoints object may not name a loopback address
        options.append("--endpoint-reconciler-type=none")
    return Process(
        "kube-apiserver",
        [
            str(programs / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            *options,
            "--kubelet-preferred-address-types=InternalIP",
            f"--secure-port={port}",
            f"--cert-dir={certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.92.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
        ],
        ready=lambda: Api.answers(f"{url}/readyz", tokens.read_text().split(",")[0]),
        wait_seconds=_START_SECONDS,
    )


def _aggregation(folder: Path) -> list[str]:
    """Make the certificates with which the API server calls servers that extend it, such as metrics-server."""
    authority = trustme.CA()
    client = authority.issue_cert("front-proxy.test", common_name="front-proxy")
    ca, certificate, key = (folder / f"front-proxy{end}" for end in ("-ca.crt", ".crt", ".key"))
    authority.cert_pem.write_to_path(str(ca))
    client.cert_chain_pems[0].write_to_path(str(certificate))
    client.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    return [
        f"--requestheader-client-ca-file={ca}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={certificate}",
        f"--proxy-client-key-file={key}",
    ]


def _controller_manager(
    programs: Path, kubeconfig: Path, key: Path, authority: Path, api: Api
) -> Process:
    return Process(
        "kube-controller-manager",
        [
            str(programs / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={authority}",
            "--leader-elect=false",
            "--secure-port=0",
            "--horizontal-pod-autoscaler-sync-period=5s",  # 15 s where nobody waits for it
        ],
        # It has begun to work when it has made the service account of the first namespace.
        ready=lambda: api.exists("/api/v1/namespaces/default/serviceaccounts/default"),
        wait_seconds=_START_SECONDS,
    )


def _kubeconfig(url: str, token: str, authority: Path) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": url, "certificate-authority": str(authority)},
                }
            ],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
    )
