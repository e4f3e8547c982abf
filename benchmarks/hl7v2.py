"""HL7 v2: messages per second and CPU, of the mapping alone and over MLLP to an embedded broker.

    python -m benchmarks.hl7v2 [--messages 2000] [--connections 8]

The CPU of MLLP is this process's own: listener, mapping, producer, and the senders, which share it.
"""

import argparse
import asyncio
import base64
import time

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.ingest.bridge import Bridge
from oncofhir.ingest.composition import mllp_listener
from oncofhir.ingest.mllp.framing import framed
from oncofhir.settings import Hl7v2Settings, HttpSettings, KafkaSettings, MllpSettings, Settings

SECONDS = 2.0
LINE = (
    "Invasive ductal carcinoma of the left breast, Nottingham grade 2, 2.4 cm \\T\\ margins free."
)


def message(number: int, lines: int = 30, attachment_bytes: int = 0) -> bytes:
    """An ORU^R01 with a report of so many lines, and an attachment of so many bytes."""
    segments = [
        (
            f"MSH|^~\\&|LAB|HOSP|ONCOFHIR|HOSP|20260110120000+0100||ORU^R01^ORU_R01|M{number}|P|2.5.1"
            "||||||UNICODE UTF-8"
        ),
        "PID|1||MRN-1^^^HOSP&1.2.3&ISO^MR||||19520101|F",
        f"OBR|1|P{number}|F{number}|11526-1^Pathology study^LN|||20260109||||||||||||||||||F",
        *(f"OBX|{n}|TX|22637-3^Final diagnosis^LN||{LINE}||||||F" for n in range(1, lines + 1)),
    ]
    if attachment_bytes:
        data = base64.b64encode(b"%PDF" + b"x" * attachment_bytes).decode()
        segments.append(f"OBX|{lines + 1}|ED|PDF^PDF^L||^application^pdf^Base64^{data}||||||F")
    return "\r".join([*segments, ""]).encode()


def measure_mapping() -> None:
    """Print messages per second of one core for messages of several sizes."""
    settings = Hl7v2Settings()
    for lines, attached in ((30, 0), (300, 0), (3000, 0), (5, 2**20)):
        content = message(1, lines, attached)
        began, count = time.process_time(), 0
        while (spent := time.process_time() - began) < SECONDS:
            read_events(content, settings)
            count += 1
        print(
            f"mapping, {lines} lines, {attached // 1024} KiB attached ({len(content) // 1024} KiB): "
            f"{count / spent:.0f} messages/s of one core, {1000 * spent / count:.2f} ms each"
        )


async def send(port: int, numbers: range) -> None:
    """Send messages over one connection, each after the answer to the one before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        writer.write(framed(message(number)))
        answer = await reader.readuntil(b"\x1c\r")
        if b"MSA|AA|" not in answer:
            raise SystemExit("a message was not accepted")
    writer.close()


async def measure_mllp(messages: int, connections: int) -> None:
    """Print messages per second and CPU per message through listener and broker."""
    with EmbeddedBroker() as broker:
        settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=broker.address),
            mllp=MllpSettings(host="127.0.0.1", port=0, allow_anonymous=True),
            http=HttpSettings(port=0),
        )
        ensure_topics(settings.kafka, partitions=4)
        bridge = Bridge(settings, [mllp_listener(settings)])
        serving = asyncio.create_task(bridge.run())
        while not bridge.started().ok:  # noqa: ASYNC110 - a probe, not an event
            await asyncio.sleep(0.02)
        share = messages // connections
        began, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(
            *(
                send(bridge.listeners[0].port, range(n * share, (n + 1) * share))
                for n in range(connections)
            )
        )
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        sent = share * connections
        print(
            f"MLLP, 30 lines, {connections} connections: {sent / seconds:.0f} messages/s acknowledged, "
            f"{1000 * cpu / sent:.2f} ms of CPU each"
        )
        bridge.stop()
        await serving


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    measure_mapping()
    asyncio.run(measure_mllp(given.messages, given.connections))


if __name__ == "__main__":
    main()
