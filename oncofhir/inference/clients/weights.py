"""The digest of a model's weights."""

import hashlib
from pathlib import Path

_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")


def weights_digest(*paths: Path) -> str:
    """Return the hex sha256 of a weights file, or over the sha256 of each file of folders, by name.

    Raises:
        ValueError: a path holds no weights.
    """
    if len(paths) == 1 and paths[0].is_file():
        return _digest(paths[0]).hex()
    whole = hashlib.sha256()
    for folder in paths:
        files = sorted(file for kind in _WEIGHTS for file in folder.glob(kind))
        if not files:
            raise ValueError(f"{folder} holds no weights ({', '.join(_WEIGHTS)})")
        for file in files:
            whole.update(_digest(file))
    return whole.hexdigest()


def _digest(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
