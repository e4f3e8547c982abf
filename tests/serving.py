"""A starlette application on a real socket, for as long as the context."""

import threading
from contextlib import contextmanager

import uvicorn

from oncofhir.demo.process import free_port, responds


@contextmanager
def served(app):
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    while not responds(f"{url}/health"):
        assert thread.is_alive()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()
