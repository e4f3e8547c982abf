"""The model's own `tokenizer.json`, read from a local path: exact windows without asking the server.

Needs the extra `tokenizer` (Hugging Face's `tokenizers`); nothing is fetched from a hub.
"""

import asyncio
from pathlib import Path
from typing import Any

from oncofhir.settings.extras import install_hint


class LocalTokenizer:
    """A tokenizer of a file; the work is done in a thread."""

    def __init__(self, file: Path) -> None:
        """Read it.

        Raises:
            ValueError: the library is not installed, or the file is no tokenizer.
        """
        try:
            from tokenizers import Tokenizer  # noqa: PLC0415
        except ImportError as error:
            raise ValueError(f"tokenizers is not installed. {install_hint('tokenizer')}") from error
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises Exception itself
            raise ValueError(f"{file} is no tokenizer.json") from error

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Where each token ends, in characters; special tokens are not counted."""
        encoded = await asyncio.to_thread(self._tokenizer.encode, text, add_special_tokens=False)
        return tuple(end for _, end in encoded.offsets)
