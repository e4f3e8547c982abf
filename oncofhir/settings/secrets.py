"""Secrets are read from mounted files and are never part of the settings."""

from pathlib import Path

from oncofhir.settings.base import SettingsError


def read_secret(file: Path | None) -> str | None:
    """The secret in a mounted file, stripped; read on each use so that rotation is seen.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    if file is None:
        return None
    try:
        secret = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the secret file {file}: {error.strerror}") from error
    if not secret:
        raise SettingsError(f"the secret file {file} is empty")
    return secret
