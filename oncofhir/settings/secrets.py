"""Secrets are read from mounted files and are never part of the settings."""

from pathlib import Path

from oncofhir.settings.base import SettingsError

_BYTE_ORDER_MARK = "\ufeff"


def read_secret(file: Path | None) -> str | None:
    """Read the secret in a mounted file, stripped; on each call, so that a rotation is seen.

    Raises:
        SettingsError: the file cannot be read, is empty or is not plain UTF-8 text; the message says why.
    """
    if file is None:
        return None
    try:
        secret = file.read_bytes().decode().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the secret file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"the secret file {file} is not UTF-8 at byte {error.start}; write the secret again as plain text"
        ) from None
    if secret.startswith(_BYTE_ORDER_MARK):
        raise SettingsError(
            f"the secret file {file} begins with a byte order mark; write it again as UTF-8 without BOM"
        )
    if not secret:
        raise SettingsError(f"the secret file {file} is empty")
    return secret


def read_token(file: Path | None) -> str | None:
    """Read a bearer token in a mounted file: one word of visible ASCII characters (RFC 6750, section 2.1).

    Raises:
        SettingsError: as `read_secret`, or the file holds anything else.
    """
    token = read_secret(file)
    if token is None:
        return None
    position = next((n for n, c in enumerate(token) if not "!" <= c <= "~"), None)
    if position is not None:
        raise SettingsError(
            f"the token file {file} holds a character that no token has, at position {position}; "
            "write the token again, alone and in ASCII"
        )
    return token
