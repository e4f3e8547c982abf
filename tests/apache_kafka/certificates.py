"""Certificates for tests: a CA, a server's for localhost, a client's, as the PEM files that Kafka reads."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Certificates:
    """Files below a folder; the names are the attributes."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.other_ca = folder / "other-ca.pem"
        trustme.CA().cert_pem.write_to_path(str(self.other_ca))
        self.server = _pem(folder / "server.pem", authority.issue_cert("localhost", "127.0.0.1"))
        self.client = _pem(folder / "client.pem", authority.issue_cert("client@oncofhir.test"))


def _pem(file: Path, certificate: trustme.LeafCert) -> Path:
    """Key, as PKCS#8 (Kafka reads no other), and chain in one file."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(content + b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    return file
