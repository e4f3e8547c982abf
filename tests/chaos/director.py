"""Runs a plan: starts the parts, publishes, does the deeds, waits until all is committed, asks the witness."""

import random
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.settings import KafkaSettings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.apache_kafka.broker import ApacheKafka
from tests.canary import leaks
from tests.chaos.accounting import Topics
from tests.chaos.parts import Proxy, Witness, Workers
from tests.chaos.plan import Deed, Plan
from tests.chaos.reports import InputRecord, input_records, script, sources
from tests.chaos.store import FhirStore
from tests.chaos.topics import end_offsets, lag, records_of
from tests.hapi_fhir.server import HapiFhirServer

_PATIENCE_SECONDS = 20.0  # a deed is done after so long, however few reports were finished
_AT_ONCE = 0.4  # of the records are there before the first worker, the others come while it runs


@dataclass
class Stage:
    """All that runs."""

    plan: Plan
    kafka: KafkaSettings
    broker: ApacheKafka
    store: FhirStore
    model: ScriptedModel
    proxy: Proxy
    workers: Workers
    witness: Witness
    say: Callable[[str], None]

    def finished(self) -> int | None:
        """Outcomes and dead letters so far; None while the broker does not answer."""
        topics = (self.kafka.outcome_topic, self.kafka.dead_letter_topic)
        try:
            return sum(end_offsets(self.kafka.bootstrap_servers, topics).values())
        except KafkaError:
            return None

    def lag(self) -> int | None:
        return lag(self.kafka.bootstrap_servers, self.kafka.group_id, self.kafka.input_topics)


@contextmanager
def staged(plan: Plan, say: Callable[[str], None], *, hapi: bool = False) -> Iterator[Stage]:
    """Start everything but the workers; all of it ends with the context."""
    mark = f"oncofhir-chaos={uuid.uuid4().hex[:12]}"
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oncofhir-chaos-")))
        say("starting Apache Kafka, the FHIR server and the model server")
        broker = stack.enter_context(ApacheKafka())
        fhir = stack.enter_context(HapiFhirServer(deletes=True) if hapi else EmbeddedFhirServer())
        model = stack.enter_context(ScriptedModel(script(), max_concurrent_requests=256))
        proxy = stack.enter_context(
            Proxy(
                fhir.base_url,
                share=plan.fault_share,
                hang_seconds=plan.hang_seconds,
                seed=plan.seed,
            )
        )
        kafka = KafkaSettings(bootstrap_servers=broker.address, group_id="oncofhir-chaos")
        ensure_topics(kafka, partitions=plan.partitions)
        topics = Topics(
            address=broker.address,
            group=kafka.group_id,
            inputs=kafka.input_topics,
            outcomes=kafka.outcome_topic,
            phenotypes=kafka.phenotype_topic,
            dead_letters=kafka.dead_letter_topic,
        )
        parts = {
            "worker": mark,
            "broker": str(broker.folder / "server.properties"),
            "model": model.url.rpartition(":")[2],
            "proxy": str(proxy.port),
        }
        told = {"topics": asdict(topics), "store": fhir.base_url, "parts": parts, "logs": str(logs)}
        witness = stack.enter_context(Witness(told))
        workers = Workers(_environment(kafka, proxy, model, plan), logs, mark)
        stack.callback(workers.stop_all)
        yield Stage(
            plan, kafka, broker, FhirStore(fhir.base_url), model, proxy, workers, witness, say
        )


def _environment(
    kafka: KafkaSettings, proxy: Proxy, model: ScriptedModel, plan: Plan
) -> dict[str, str]:
    return {
        "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ONCOFHIR_KAFKA__GROUP_ID": kafka.group_id,
        "ONCOFHIR_KAFKA__SESSION_TIMEOUT_MS": "6000",
        "ONCOFHIR_KAFKA__MAX_IN_FLIGHT_RECORDS": "24",
        "ONCOFHIR_FHIR__BASE_URL": proxy.base_url,
        "ONCOFHIR_FHIR__TIMEOUT_SECONDS": str(plan.hang_seconds - 2),
        "ONCOFHIR_MODEL__URL": model.url,
        "ONCOFHIR_MODEL__TIMEOUT_SECONDS": "10",
        "ONCOFHIR_HTTP__HOST": "127.0.0.1",
    }


def run(stage: Stage) -> dict[str, Any]:
    """Do the plan; the witness's account, with `seconds` and how the workers ended."""
    plan, began = stage.plan, time.monotonic()
    deadline = began + plan.limit_seconds
    records = input_records(plan.reports, plan.broken, plan.seed)
    stage.store.hold(sources(records))
    cut = int(len(records) * _AT_ONCE)
    _publish(stage, records[:cut])
    for slot in range(plan.workers):
        stage.workers.start(slot)
    publishing = threading.Thread(
        target=_trickle, args=(stage, records[cut:], len(records)), daemon=True
    )
    publishing.start()
    _deeds(stage, len(records), deadline)
    publishing.join()
    drained = _wait_for_the_end(stage, len(records), deadline)
    statuses = stage.workers.stop_all()
    stage.say(f"workers ended with {statuses}; the witness draws up its account")
    account = stage.witness.account()
    return account | {
        "seconds": round(time.monotonic() - began, 1),
        "drained": drained,
        "exits": stage.workers.ended,
        "stops": statuses,
        "leaks": _leaks(stage),
    }


def _leaks(stage: Stage) -> int:
    """Logs, row records and headers that hold a planted name or identifier; the dead letters' own content may."""
    kafka = stage.kafka
    rows = [
        record
        for topic in (kafka.phenotype_topic, kafka.outcome_topic)
        for record in records_of(kafka.bootstrap_servers, topic)
    ]
    letters = records_of(kafka.bootstrap_servers, kafka.dead_letter_topic)
    contents = [
        *(path.read_bytes() for path in stage.workers.log_files),
        *(record.key + record.value for record in rows),
        *(b"".join(value for _, value in record.headers) for record in (*rows, *letters)),
    ]
    return sum(bool(leaks(content)) for content in contents)


def _publish(stage: Stage, records: list[InputRecord]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=stage.kafka.bootstrap_servers, enable_idempotence=True
    )
    topics = dict(
        zip(("DiagnosticReport", "DocumentReference"), stage.kafka.input_topics, strict=True)
    )
    sent = [producer.send(topics[r.type], key=r.key, value=r.value) for r in records]
    for future in sent:
        future.get(timeout=120)
    producer.close()


def _trickle(stage: Stage, records: list[InputRecord], total: int) -> None:
    """Publish the rest as the run goes on, so that there is always some work waiting, and not all."""
    published = total - len(records)
    while records:
        done = stage.finished()
        if done is not None and published - done < total // 4:
            chunk, records = records[:50], records[50:]
            _publish(stage, chunk)
            published += len(chunk)
        time.sleep(0.5)


def _deeds(stage: Stage, total: int, deadline: float) -> None:
    dice = random.Random(stage.plan.seed)
    for share, deed in stage.plan.deeds():
        waited_until = min(deadline, time.monotonic() + _PATIENCE_SECONDS)
        while (done := stage.finished()) is None or done < share * total:
            stage.workers.revive()
            if time.monotonic() > waited_until:
                break
            time.sleep(0.3)
        stage.say(f"{done} of {total} records done: {deed.value}")
        _do(stage, deed, dice)


def _do(stage: Stage, deed: Deed, dice: random.Random) -> None:
    match deed:
        case Deed.KILL_WORKER:
            slot = dice.choice(stage.workers.slots)
            stage.workers.wait_until_started(slot)  # what has not begun is nothing to kill
            stage.workers.kill(slot)
        case Deed.RESTART_BROKER:
            stage.broker.restart()
        case Deed.KILL_BROKER:
            stage.broker.restart(kill=True)
        case Deed.RESTART_MODEL:
            stage.model.stop_process()
            time.sleep(1.0)
            stage.model.start()
        case Deed.FHIR_OUTAGE:
            stage.proxy.stop()
            time.sleep(stage.plan.outage_seconds)
            stage.proxy.start()
        case Deed.REBALANCE_STORM:
            _storm(stage)


def _storm(stage: Stage) -> None:
    """Workers join, the next before the last has settled, and leave again."""
    extra = [100 + n for n in range(stage.plan.storm_joins)]
    for slot in extra:
        stage.workers.start(slot)
        time.sleep(1.5)
    for slot in extra:
        stage.workers.wait_until_started(slot)
        stage.workers.stop(slot)


def _wait_for_the_end(stage: Stage, total: int, deadline: float) -> bool:
    """Whether all was committed in time."""
    said = 0.0
    while time.monotonic() < deadline:
        stage.workers.revive()
        left = stage.lag()
        if left == 0:
            return True
        if time.monotonic() - said > 15:
            said = time.monotonic()
            stage.say(f"{stage.finished()} of {total} records done, committed lag {left}")
        time.sleep(0.5)
    return False


def without_one_finding(stage: Stage) -> dict[str, Any]:
    """Delete one stored finding and ask the witness again: the account must show it."""
    finding = next(
        f for f in stage.store.all_of("Observation") if f["status"] != "entered-in-error"
    )
    stage.store.delete(f"Observation/{finding['id']}")
    return stage.witness.account()
