"""How kafka-python reaches the broker: its configuration, and its errors in our words."""

import socket
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, read_secret

CONNECT_SECONDS = 5.0
_DEFAULT_PORT = "9092"
_RECONNECT_MS = 5_000  # the longest pause of the client's own reconnecting; its default is 30 s
Client = TypeVar("Client")

_DENIED = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)
_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)


def client_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """Options that consumer, producer and admin client share. Secrets are read here, on each use.

    Raises:
        SettingsError: the password file cannot be read.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": f"{settings.client_id}-{role}",
        "security_protocol": settings.security_protocol,
        "reconnect_backoff_max_ms": _RECONNECT_MS,
        "bootstrap_timeout_ms": int(CONNECT_SECONDS * 1000),
    }
    if settings.sasl_mechanism is not None:
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


def connect(make: Callable[..., Client], settings: KafkaSettings, **options: Any) -> Client:
    """Make a client that has reached the broker; blocks some `CONNECT_SECONDS`.

    A client whose constructor fails leaves its network thread and sockets behind. So an address is
    tried first, and the thread of a client that fails nevertheless is closed here.

    Raises:
        DependencyUnavailable: broker-unreachable; the location names the addresses.
        AccessDenied: broker-access-denied.
    """
    _knock(settings)
    network: list[KafkaNetClient] = []

    def remembered(*args: Any, **config: Any) -> KafkaNetClient:
        network.append(KafkaNetClient(*args, **config))
        return network[-1]

    try:
        return make(**options, kafka_client=remembered)
    except (kafka_errors.KafkaError, OSError) as error:
        for client in network:
            client.close()
        raise translated(error, settings) from error


def _knock(settings: KafkaSettings) -> None:
    """See that one of the addresses takes a connection."""
    tried = []
    for address in settings.bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdigit():
            host, port = address.strip(), _DEFAULT_PORT
        try:
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
                return
        except OSError as error:
            tried.append(f"{address}: {error.strerror or type(error).__name__}")
    raise DependencyUnavailable(
        Reason.BROKER_UNREACHABLE, settings.bootstrap_servers, "; ".join(tried)
    )


def translated(error: BaseException, settings: KafkaSettings) -> OncofhirError:
    """An error of kafka-python in our words; its message, which may quote records, is left behind."""
    addresses = settings.bootstrap_servers
    kind = type(error).__name__
    if isinstance(error, _DENIED):
        return AccessDenied(Reason.BROKER_ACCESS_DENIED, addresses, kind)
    if isinstance(error, _TOO_LARGE):
        return RequestRejected(Reason.BROKER_REJECTED, addresses, kind)
    return DependencyUnavailable(Reason.BROKER_UNREACHABLE, addresses, kind)
