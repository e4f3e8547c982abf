"""Serves probes and metrics from a thread, for a program that has no event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from oncofhir.consumers.health.probes import ProbeServer
from oncofhir.settings import HttpSettings, SettingsError


@contextmanager
def probe_thread(app: Starlette, settings: HttpSettings) -> Iterator[int]:
    """Serve an application while the context lasts; yield its port.

    Raises:
        SettingsError: the port is in use.
    """
    serving = _ServingThread(app, settings)
    serving.start()
    serving.ready.wait()
    if serving.error is not None:
        raise serving.error
    try:
        yield serving.port
    finally:
        serving.stop()
        serving.join()


class _ServingThread(threading.Thread):
    def __init__(self, app: Starlette, settings: HttpSettings) -> None:
        super().__init__(name="oncofhir-probes", daemon=True)
        self.ready = threading.Event()
        self.error: SettingsError | None = None
        self.port = 0
        self._app, self._settings = app, settings
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except SettingsError as error:
            self.error = error
        finally:
            self._loop.close()
            self.ready.set()

    async def _serve(self) -> None:
        async with ProbeServer(self._app, self._settings) as server:
            self.port = server.port
            self.ready.set()
            await self._stopping.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
