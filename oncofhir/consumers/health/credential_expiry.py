"""When the certificates and tokens that the settings name expire."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography import x509

from oncofhir.settings import Settings

CERTIFICATE, TOKEN = "certificate", "token"
_MAX_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Expiry:
    """When a credential expires, in seconds since the epoch; `setting` is its dotted name."""

    setting: str
    kind: str
    at: float


class CredentialExpiry:
    """Reads the files of a worker's credentials, each again only when it has changed.

    A file that cannot be read, or a token that is no JWT with an `exp`, has no entry: other code says what
    is wrong with it.
    """

    def __init__(self, settings: Settings) -> None:
        self._files = tuple(_files(settings))
        self._seen: dict[str, tuple[tuple[int, int], float | None]] = {}

    def read(self) -> Iterator[Expiry]:
        """Return what expires."""
        for setting, kind, file, expiry_of in self._files:
            at = self._expiry(setting, file, expiry_of)
            if at is not None:
                yield Expiry(setting, kind, at)

    def _expiry(
        self, setting: str, file: Path, expiry_of: Callable[[bytes], float | None]
    ) -> float | None:
        try:
            stat = file.stat()
            changed = (stat.st_mtime_ns, stat.st_size)
            if setting not in self._seen or self._seen[setting][0] != changed:
                content = file.read_bytes() if stat.st_size <= _MAX_BYTES else b""
                self._seen[setting] = (changed, expiry_of(content))
        except OSError:
            return None
        return self._seen[setting][1]


def _files(
    settings: Settings,
) -> Iterator[tuple[str, str, Path, Callable[[bytes], float | None]]]:
    for group in ("kafka", "fhir", "model", "tracing"):
        for name, value in getattr(settings, group):
            if not isinstance(value, Path):
                continue
            if name.endswith("ca_file"):
                yield f"{group}.{name}", CERTIFICATE, value, last_certificate_expiry
            elif name.endswith(("cert_file", "certificate_file")):
                yield f"{group}.{name}", CERTIFICATE, value, first_certificate_expiry
            elif name.endswith("token_file"):
                yield f"{group}.{name}", TOKEN, value, token_expiry


def first_certificate_expiry(pem: bytes) -> float | None:
    """When the first of a chain's certificates expires; None if there is none."""
    return min(_certificate_expiries(pem), default=None)


def last_certificate_expiry(pem: bytes) -> float | None:
    """When the last of some authorities' certificates expires; None if there is none."""
    return max(_certificate_expiries(pem), default=None)


def _certificate_expiries(pem: bytes) -> list[float]:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []
    return [certificate.not_valid_after_utc.timestamp() for certificate in certificates]


def token_expiry(token: bytes) -> float | None:
    """The `exp` of a JWT, whose signature is not checked; None for any other token."""
    try:
        claims = jwt.decode(token.strip(), options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return None
    expiry = claims.get("exp")
    return float(expiry) if isinstance(expiry, int | float) else None
