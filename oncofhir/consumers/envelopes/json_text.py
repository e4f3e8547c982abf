"""JSON text as RFC 8259 wants it: no constants that JSON lacks, and no key twice in an object."""

import json
from typing import Any

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_MAX_KEY_CHARACTERS = 64


class DuplicateKeyError(ValueError):
    """An object has a key twice: JSON does not define which value counts. `detail` names the key."""

    def __init__(self, key: str) -> None:
        is_name = key.isascii() and key.isidentifier() and len(key) <= _MAX_KEY_CHARACTERS
        self.detail = f"key {key}" if is_name else "a key that is no element name"
        super().__init__(self.detail)


def parse(text: str) -> Any:
    """Parse JSON.

    Raises:
        json.JSONDecodeError: the text is not JSON.
        DuplicateKeyError: an object has a key twice.
        ValueError: NaN, Infinity, or a number with too many digits.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)


def parse_nested(text: str, path: str) -> Any:
    """Parse JSON that an envelope holds as a string.

    Raises:
        UnreadableReport: unsupported-envelope, duplicate-json-keys; the location is `path`.
    """
    try:
        return parse(text)
    except DuplicateKeyError as error:
        raise UnreadableReport(Reason.DUPLICATE_JSON_KEYS, path, error.detail) from None
    except (ValueError, RecursionError):
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, path, "not JSON") from None


def is_json_object(text: str) -> bool:
    """Return whether a string looks like a JSON object, array or string."""
    return text.lstrip().startswith(("{", "[", '"'))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKeyError(key)
            seen.add(key)
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON
