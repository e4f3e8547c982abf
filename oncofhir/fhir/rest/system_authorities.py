"""TLS with the authorities of the system: read once, for that takes 20 to 100 ms of CPU."""

import functools
import ssl

import httpx2


@functools.cache
def system_authorities() -> ssl.SSLContext:
    """Return the context that all clients share; never load a client certificate into it."""
    return httpx2.create_ssl_context(trust_env=False)
