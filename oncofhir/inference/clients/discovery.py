"""The replicas behind one host name: a headless Service of Kubernetes answers with every pod's address."""

import asyncio
import socket
from urllib.parse import urlsplit

from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason


async def resolve_addresses(url: str) -> tuple[str, ...]:
    """The URL once for every address that its host name has now, in a stable order.

    Raises:
        DependencyUnavailable: the name is not known.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DependencyUnavailable(
            Reason.MODEL_UNREACHABLE, url, "the host name is not known"
        ) from error
    hosts = sorted({str(address[0]) for *_, address in found})
    named = [f"[{host}]" if ":" in host else host for host in hosts]
    return tuple(f"{parts.scheme}://{host}:{port}{parts.path}" for host in named)
