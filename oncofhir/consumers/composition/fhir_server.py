"""Credentials for one FHIR server from the settings: bearer file, SMART Backend Services, mTLS."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from oncofhir.fhir.rest.auth.backend_services import BackendServices
from oncofhir.fhir.rest.auth.bearer import Anonymous, Authorization, BearerToken
from oncofhir.fhir.rest.auth.signing import SigningKey, signing_key
from oncofhir.fhir.rest.transport import Tls
from oncofhir.settings import FhirCredentials, SettingsError, read_secret, read_token


class SecretFile:
    """A mounted secret. It is read again when the file has changed; `read` is how."""

    def __init__(self, file: Path, read: Callable[[Path], str | None] = read_secret) -> None:
        self._file = file
        self._read = read
        self._seen: tuple[int, int, int] | None = None
        self._secret: str | None = None

    def __call__(self) -> str | None:
        """Return the secret.

        Raises:
            SettingsError: the file cannot be read, is empty or holds no such secret.
        """
        try:
            stat = self._file.stat()
        except OSError as error:
            raise SettingsError(
                f"cannot read the secret file {self._file}: {error.strerror}"
            ) from error
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen != self._seen:
            self._secret = self._read(self._file)
            self._seen = seen
        return self._secret


def build_authorization(
    base_url: str,
    credentials: FhirCredentials,
    timeout: float,
    clock: Callable[[], float] = time.time,
) -> Authorization:
    """Return how to authorize at a server. Files are read once here, so that mistakes show at start.

    Raises:
        SettingsError: a file cannot be read or holds no key of the right kind.
    """
    if credentials.client_id and credentials.private_key_file:
        key = _key_reader(credentials.private_key_file, credentials.key_id)
        key()
        return BackendServices(
            base_url,
            client_id=credentials.client_id,
            key=key,
            scopes=credentials.scopes,
            token_url=credentials.token_url,
            audience=credentials.token_audience,
            tls=tls(credentials).own,
            timeout=timeout,
            clock=clock,
        )
    if credentials.token_file:
        return BearerToken(SecretFile(credentials.token_file, read_token))
    return Anonymous()


def tls(credentials: FhirCredentials) -> Tls:
    """Return the TLS contexts. The client certificate is in that for the server's own origin only.

    Raises:
        SettingsError: a file cannot be read or is no PEM.
    """
    if credentials.ca_file is None and credentials.cert_file is None:
        return Tls()
    own, elsewhere = _context(credentials.ca_file), _context(credentials.ca_file)
    if credentials.cert_file is not None:
        try:
            own.load_cert_chain(credentials.cert_file, credentials.key_file, password=_no_password)
        except (OSError, ValueError) as error:
            message = f"cannot use the client certificate {credentials.cert_file} with its key"
            raise SettingsError(f"{message}: {_reason(error)}") from error
    return Tls(own, elsewhere)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot use the CA file {ca_file}: {_reason(error)}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or "no PEM"


def _key_reader(file: Path, key_id: str | None) -> Callable[[], SigningKey]:
    read = SecretFile(file)

    def key() -> SigningKey:
        try:
            return signing_key(read() or "", key_id)
        except ValueError as error:
            raise SettingsError(f"the private key file {file}: {error}") from error

    return key
