"""A worker as a process of its own: `worker_process.py SETTINGS-JSON FILE SECONDS`.

Appends the name of each report to the file when it is processed, which takes that many seconds.
"""

import asyncio
import sys
from pathlib import Path

from oncofhir.consumers.worker import Worker
from oncofhir.settings import Settings
from oncofhir.telemetry.logging import configure
from tests.integration.consumers.workbench import processed_of


class RecordingProcessor:
    def __init__(self, file, seconds):
        self.file = file
        self.seconds = seconds

    async def ready(self):
        pass

    async def process(self, event):
        await asyncio.sleep(self.seconds)
        with self.file.open("a") as out:
            out.write(f"{event.source}\n")
        return processed_of(event)


async def main():
    settings = Settings.model_validate_json(sys.argv[1])
    configure(settings.log)
    await Worker(settings, RecordingProcessor(Path(sys.argv[2]), float(sys.argv[3]))).run()


asyncio.run(main())
