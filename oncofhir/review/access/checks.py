"""What must hold before the page listens: single-user mode stays on this machine, and sessions have a key."""

import ipaddress
import secrets

from oncofhir.settings import ReviewSettings, SettingsError, read_secret

_MIN_KEY_LENGTH = 32


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open_single_user_mode(settings: ReviewSettings) -> None:
    """Refuse to serve reports without a login to anybody but this machine.

    Raises:
        SettingsError: the page has no login and would listen on another address.
    """
    if not settings.requires_login and not is_loopback(settings.host):
        raise SettingsError(
            f"ONCOFHIR_REVIEW__HOST is {settings.host}, and nobody has to log in: set "
            "ONCOFHIR_REVIEW__OIDC_ISSUER or ONCOFHIR_REVIEW__SMART_ISSUERS, or listen on 127.0.0.1"
        )


def session_key(settings: ReviewSettings) -> str:
    """The key that signs sessions: of the file, or a new one.

    Raises:
        SettingsError: the file cannot be read, or its key is too short.
    """
    key = read_secret(settings.session_key_file)
    if key is None:
        return secrets.token_urlsafe(_MIN_KEY_LENGTH)
    if len(key) < _MIN_KEY_LENGTH:
        raise SettingsError(
            f"the key in {settings.session_key_file} (ONCOFHIR_REVIEW__SESSION_KEY_FILE) has less than "
            f"{_MIN_KEY_LENGTH} characters; write a new one with: openssl rand -base64 48"
        )
    return key
