"""Access tokens for SASL OAUTHBEARER: OAuth 2.0 client credentials (RFC 6749, section 4.4) over HTTPS.

kafka-python requests a token whenever it connects or re-authenticates (KIP-368), on its IO thread. A token
is therefore kept until four fifths of its lifetime are over, a request takes a few seconds at most, and
while the token lasts an endpoint that does not answer does no harm.
"""

import json
import math
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
from kafka import errors as kafka_errors
from kafka.net.sasl.oauth import AbstractTokenProvider

from oncofhir.schemas.token_lifetime import DEFAULT_SECONDS, TokenLifetime
from oncofhir.settings import KafkaSettings, SettingsError, read_secret

_SECONDS = 5.0
_RETRY_SECONDS = 5.0  # until a failed renewal is tried again while the token lasts
_LARGEST_TOKEN = 64 * 1024
_FIRST_SERVER_ERROR = 500
_OK = 200


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # untyped base
    """Requests tokens from the endpoint in the settings. Thread-safe.

    Raises:
        SettingsError: the endpoint, the client id or its secret is not set.
    """

    def __init__(
        self, settings: KafkaSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        for name in ("url", "client_id", "client_secret_file"):
            if getattr(settings, f"sasl_oauth_{name}") is None:
                key = f"ONCOFHIR_KAFKA__SASL_OAUTH_{name.upper()}"
                raise SettingsError(f"{key} is needed for SASL mechanism OAUTHBEARER")
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._lifetime = TokenLifetime(-math.inf, -math.inf)

    def token(self) -> str:
        """Return a token that has not expired.

        Raises:
            SaslAuthenticationFailedError: the endpoint refuses the client, or answers without a token.
            KafkaConnectionError: the endpoint does not answer, or is unavailable, and no token is left.
        """
        with self._lock:
            now = self._clock()
            if self._lifetime.renewal_is_due(now):
                try:
                    self._renew(now)
                except kafka_errors.KafkaConnectionError:
                    if self._lifetime.has_expired(now):
                        raise
                    self._lifetime = self._lifetime.postponed(now, _RETRY_SECONDS)
            return self._token

    def _renew(self, now: float) -> None:
        answer = self._request_token()
        self._token = answer["access_token"]
        self._lifetime = TokenLifetime.from_answer(now, answer.get("expires_in"))

    def _request_token(self) -> dict[str, Any]:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        if settings.sasl_oauth_scope is not None:
            form["scope"] = settings.sasl_oauth_scope
        secret = read_secret(settings.sasl_oauth_client_secret_file) or ""
        try:
            answer = httpx2.post(
                settings.sasl_oauth_url or "",
                data=form,
                auth=(settings.sasl_oauth_client_id or "", secret),
                timeout=_SECONDS,
                verify=_tls_context(settings),
            )
        except (httpx2.HTTPError, OSError) as error:
            raise kafka_errors.KafkaConnectionError(
                f"token endpoint: {type(error).__name__}"
            ) from None
        if answer.status_code >= _FIRST_SERVER_ERROR:
            raise kafka_errors.KafkaConnectionError(f"token endpoint: {answer.status_code}")
        if answer.status_code != _OK:
            raise kafka_errors.SaslAuthenticationFailedError(
                f"token endpoint: {answer.status_code}"
            )
        return _parse_answer(answer.content)


def _parse_answer(content: bytes) -> dict[str, Any]:
    """Parse a token response (RFC 6749, section 5.1). Nothing of an invalid one is quoted."""
    try:
        answer = json.loads(content) if len(content) <= _LARGEST_TOKEN else None
        if (
            isinstance(answer, dict)
            and isinstance(answer.get("access_token"), str)
            and float(answer.get("expires_in", DEFAULT_SECONDS)) > 0
        ):
            return answer
    except (ValueError, TypeError, RecursionError):
        pass
    raise kafka_errors.SaslAuthenticationFailedError("token endpoint: no token in its answer")


def _tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    file = settings.sasl_oauth_ca_file
    return ssl.create_default_context(cafile=str(file) if file is not None else None)
