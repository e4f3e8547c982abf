"""A worker as a process of its own: `worker_process.py SETTINGS-JSON FILE SECONDS [reject]`.

Appends the name of each report to the file when it is processed, which takes that many seconds. With
`reject` each is refused after that, as a store does that finds it invalid.
"""

import asyncio
import sys
from pathlib import Path

from oncofhir.consumers.worker import Worker
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Settings
from oncofhir.telemetry.logging import configure
from tests.integration.consumers.worker_harness import processed_of


class RecordingProcessor:
    def __init__(self, file, seconds, rejects):
        self.file = file
        self.seconds = seconds
        self.rejects = rejects

    async def check_dependencies(self):
        pass

    async def process(self, event):
        await asyncio.sleep(self.seconds)
        with self.file.open("a") as out:
            out.write(f"{event.source}\n")
        if self.rejects:
            raise RequestRejected(Reason.STORE_REJECTED, "http://store")
        return processed_of(event)

    async def mark_outdated(self, event, reason):
        return ()


async def main():
    settings = Settings.model_validate_json(sys.argv[1])
    configure(settings.log)
    rejects = "reject" in sys.argv[4:]
    processor = RecordingProcessor(Path(sys.argv[2]), float(sys.argv[3]), rejects)
    await Worker(settings, processor).run()


asyncio.run(main())
