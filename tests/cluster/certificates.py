"""A certificate authority of the test cluster: what its servers show and its clients trust."""

import ssl

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Authority:
    """Issues the certificates of servers."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    @property
    def certificate(self) -> str:
        """Its own, as PEM."""
        return self._authority.cert_pem.bytes().decode()

    def server(self, name: str) -> dict[str, str]:
        """Certificate and key of a server, under the keys of a Secret for TLS, with the authority's `ca.crt`."""
        issued = self._authority.issue_cert(name)
        # PKCS#8: Kafka reads no other.
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        return {
            "tls.crt": "".join(blob.bytes().decode() for blob in issued.cert_chain_pems),
            "tls.key": key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ).decode(),
            "ca.crt": self.certificate,
        }

    def client_context(self) -> ssl.SSLContext:
        """For clients in this process, which trust no other authority."""
        return ssl.create_default_context(cadata=self.certificate)
