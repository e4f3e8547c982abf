"""A server that answers every POST as TGI would, always the same, at once: a process of its own.

python -m benchmarks.canned_model PORT
"""

import asyncio
import json
import re
import sys

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TOKENS = [
    {"id": 300 + n, "text": text, "logprob": -0.01 * (n + 1), "special": text == "</s>"}
    for n, text in enumerate((" invasive", " duct", "al", " carcinoma", "</s>"))
]
_ANSWER = json.dumps(
    {
        "generated_text": " invasive ductal carcinoma",
        "details": {
            "finish_reason": "eos_token", "generated_tokens": 5, "seed": None, "prefill": [],
            "tokens": _TOKENS,
            "top_tokens": [[t, {**t, "id": 9, "logprob": -6.0}] for t in _TOKENS],
        },
    }
).encode()  # fmt: skip
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-prompt-tokens: 684\r\n"
    b"x-queue-time: 30\r\nx-inference-time: 200\r\nx-time-per-token: 40\r\n"
    b"content-length: " + str(len(_ANSWER)).encode() + b"\r\n\r\n" + _ANSWER
)
_INFO = json.dumps({"model_id": "canned", "model_sha": "0" * 40, "max_total_tokens": 4096}).encode()
_INFO_RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
    + str(len(_INFO)).encode()
    + b"\r\n\r\n"
    + _INFO
)


class _Canned(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, body = self._received.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(body) < length:
                return
            self._received = body[length:]
            self._transport.write(_INFO_RESPONSE if head.startswith(b"GET") else _RESPONSE)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Canned, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
