"""`oncofhir backfill` of 20,000 reports, killed five times, on Apache Kafka beside live traffic.

    python -m benchmarks.backfill
    python -m benchmarks.backfill --reports 2000 --kills 2

`ratio` is the share of the repeated records that the kills allow: a page each.
"""

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
import time
from pathlib import Path

import structlog

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.worker_harness import settings_for
from tests.integration.ingest.backfill_beside_live import backfill_beside_live

_PAGE = 500
_RATE = "2000/s"


def main() -> None:
    """Run it and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()
    with ApacheKafka() as broker, tempfile.TemporaryDirectory() as folder:
        settings = settings_for(broker.address, history=True)
        ensure_topics(settings.kafka, partitions=4)
        found = asyncio.run(
            backfill_beside_live(
                settings,
                Path(folder),
                count=arguments.reports,
                kills=arguments.kills,
                page_size=_PAGE,
                rate=_RATE,
                delay=0.0,
            )
        )
    allowed = found.kills * _PAGE
    line = {
        "name": "backfill: records repeated by kills",
        "ratio": round(found.repeated / max(1, allowed), 3),
        "goal": 1.0,
        "met": found.repeated <= allowed and found.summary["published"] == arguments.reports,
        "reports": arguments.reports,
        "kills": found.kills,
        "page": _PAGE,
        "repeated": found.repeated,
        "live_reports": len(found.live_seconds),
        "live_seconds_median": round(statistics.median(found.live_seconds), 3),
        "live_seconds_max": round(max(found.live_seconds), 3),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
