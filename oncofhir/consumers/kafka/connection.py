"""Connects kafka-python to the broker, and translates its errors."""

import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from oncofhir.consumers.kafka.client_patches import (
    auth_failures,
    header_names,
    read_before_close,
)
from oncofhir.consumers.kafka.oauth import TokenProvider
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, SettingsError, read_secret

CONNECT_SECONDS = 5.0
_DEFAULT_PORT = "9092"
_RECONNECT_MS = 5_000  # the longest pause of the client's own reconnects; its default is 30 s
OAUTHBEARER = "OAUTHBEARER"
# ApiVersions (key 18) version 0, correlation id 0, no client id: the one request that every broker answers.
_API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, 0, -1)
Client = TypeVar("Client")

_TLS = {"SSL", "SASL_SSL"}
_SASL = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)
_DENIED = (kafka_errors.AuthorizationError, *_SASL)
_LOGIN_REMEDY = "check the settings ONCOFHIR_KAFKA__SASL_MECHANISM, _USERNAME and _PASSWORD_FILE"
_OAUTH_REMEDY = (
    "check the settings ONCOFHIR_KAFKA__SASL_OAUTH_URL, _CLIENT_ID, _CLIENT_SECRET_FILE and _SCOPE"
)
# Too large, or a record that the topic does not accept, such as one without a key in a compacted topic.
_REJECTED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
)


def client_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """Return the options that consumer, producer and admin client share. Secrets are read on each call.

    Raises:
        SettingsError: the password file cannot be read, or OAUTHBEARER lacks a setting.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": f"{settings.client_id}-{role}",
        "security_protocol": settings.security_protocol,
        "reconnect_backoff_max_ms": _RECONNECT_MS,
        "bootstrap_timeout_ms": int(CONNECT_SECONDS * 1000),
    }
    if settings.sasl_mechanism == OAUTHBEARER:
        options["sasl_mechanism"] = OAUTHBEARER
        options["sasl_oauth_token_provider"] = TokenProvider(settings)
    elif settings.sasl_mechanism is not None:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = read_secret(settings.sasl_password_file)
    for option, file in (
        ("ssl_cafile", settings.ssl_ca_file),
        ("ssl_certfile", settings.ssl_certificate_file),
        ("ssl_keyfile", settings.ssl_key_file),
    ):
        if file is not None:
            options[option] = str(file)
    return options


def connect(client_class: Callable[..., Client], settings: KafkaSettings, **options: Any) -> Client:
    """Create a client that has reached the broker. Blocking, about `CONNECT_SECONDS` at most.

    A client whose constructor fails leaves its network thread and sockets behind, and reports refused
    credentials and certificates as a timeout. So an address is tried first, and the end of each connection
    is recorded.

    Raises:
        DependencyUnavailable: broker-unreachable; the location names the addresses.
        AccessDenied: broker-access-denied; the detail names the setting to look at.
        SettingsError: a certificate or key cannot be read.
    """
    header_names.allow_non_utf8()
    read_before_close.install()
    _check_reachable(settings)
    provider = options.get("sasl_oauth_token_provider")
    network: list[KafkaNetClient] = []
    refusals: list[BaseException] = []

    def remembered(*args: Any, **config: Any) -> KafkaNetClient:
        network.append(KafkaNetClient(*args, **config))
        auth_failures.install(network[-1], _is_refusal, refusals)
        return network[-1]

    try:
        if provider is not None:
            provider.token()  # its errors are raised here, and the IO thread need not wait for it
        return client_class(**options, kafka_client=remembered)
    except (kafka_errors.KafkaError, OSError) as error:
        for client in network:
            client.close()
        raise translate_error(refusals[-1] if refusals else error, settings) from error


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, _DENIED)


def _check_reachable(settings: KafkaSettings) -> None:
    """Check that one of the addresses answers, through TLS where the settings say so.

    Raises:
        DependencyUnavailable: none answers.
        AccessDenied: a certificate is refused.
    """
    tried = []
    for address in settings.bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdigit():
            host, port = address.strip(), _DEFAULT_PORT
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), CONNECT_SECONDS) as plain:
                if settings.security_protocol in _TLS:
                    _request_api_versions(plain, host, settings)
                return
        except ssl.SSLError as error:
            raise _tls_refused(error, address) from error
        except OSError as error:
            tried.append(f"{address}: {error.strerror or type(error).__name__}")
    raise DependencyUnavailable(
        Reason.BROKER_UNREACHABLE, settings.bootstrap_servers, "; ".join(tried)
    )


def _request_api_versions(plain: socket.socket, host: str, settings: KafkaSettings) -> None:
    """Perform the TLS handshake and read one answer: a TLS 1.3 client sees a refusal only when it reads."""
    with _tls_context(settings).wrap_socket(plain, server_hostname=host) as secured:
        secured.sendall(_API_VERSIONS_REQUEST)
        if not secured.recv(1):
            raise ConnectionResetError


def _tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=str(settings.ssl_ca_file) if settings.ssl_ca_file is not None else None
        )
        if settings.ssl_certificate_file is not None:
            context.load_cert_chain(settings.ssl_certificate_file, settings.ssl_key_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            "ONCOFHIR_KAFKA__SSL_CA_FILE, __SSL_CERTIFICATE_FILE or __SSL_KEY_FILE cannot be read: "
            f"{error.strerror or type(error).__name__}"
        ) from error
    return context


def _tls_refused(error: ssl.SSLError, address: str) -> OncofhirError:
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = (
            f"the broker's certificate is not trusted ({error.verify_message}): "
            "check ONCOFHIR_KAFKA__SSL_CA_FILE and the host name"
        )
        return AccessDenied(Reason.BROKER_ACCESS_DENIED, address, detail)
    if "ALERT" in (error.reason or ""):
        detail = (
            f"the broker refuses the client certificate ({error.reason}): "
            "check ONCOFHIR_KAFKA__SSL_CERTIFICATE_FILE and __SSL_KEY_FILE"
        )
        return AccessDenied(Reason.BROKER_ACCESS_DENIED, address, detail)
    detail = (
        f"the port does not speak TLS ({error.reason}): check ONCOFHIR_KAFKA__SECURITY_PROTOCOL"
    )
    return DependencyUnavailable(Reason.BROKER_UNREACHABLE, address, detail)


def translate_error(error: BaseException, settings: KafkaSettings) -> OncofhirError:
    """Translate an error of kafka-python. Its message, which may quote records, is dropped."""
    addresses = settings.bootstrap_servers
    kind = type(error).__name__
    if isinstance(error, _DENIED):
        detail = f"{kind}: {_remedy(settings)}" if isinstance(error, _SASL) else kind
        return AccessDenied(Reason.BROKER_ACCESS_DENIED, addresses, detail)
    if isinstance(error, _REJECTED):
        return RequestRejected(Reason.BROKER_REJECTED, addresses, kind)
    return DependencyUnavailable(Reason.BROKER_UNREACHABLE, addresses, kind)


def _remedy(settings: KafkaSettings) -> str:
    return _OAUTH_REMEDY if settings.sasl_mechanism == OAUTHBEARER else _LOGIN_REMEDY
