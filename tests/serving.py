"""A starlette application on a real socket, for as long as the context."""

import threading
from contextlib import contextmanager

import uvicorn

from oncofhir.demo.process import free_port, responds


@contextmanager
def served(app, certificate=None):
    """The URL of the application; `certificate` is a PEM file of key and chain, for HTTPS."""
    port = free_port()
    config = uvicorn.Config(
        app, port=port, log_config=None, access_log=False, ssl_certfile=certificate
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    while not (server.started if certificate else responds(f"{url}/health")):
        assert thread.is_alive()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()
