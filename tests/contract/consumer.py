"""Read and check what a service sends to Kafka: python consumer.py ASYNCAPI.json BOOTSTRAP_SERVERS."""

import json
import math
import re
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

IDLE_SECONDS = 2.0  # after the ends: a broker may count its last batch as one record
STALL_SECONDS = 30.0  # before the ends: give up
REQUEST_SECONDS = 10.0
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int, float), "number": (int, float), "boolean": (bool,),
    "object": (dict,), "array": (list,), "null": (type(None),)}  # fmt: skip
DATE_TIME = r"^\d{4}-[01]\d-[0-3]\d[Tt][0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?([Zz]|[+-][0-2]\d:[0-5]\d)$"
Schema = Mapping[str, Any]


def is_type(value: Any, name: str) -> bool:
    """Whether a JSON value is of a JSON Schema type; 1.0 is an integer, true is not, and infinity is no number."""
    if not isinstance(value, JSON_TYPES[name]) or (isinstance(value, bool) and name != "boolean"):
        return False
    return not isinstance(value, float) or (
        math.isfinite(value) and (name != "integer" or value.is_integer())
    )


@dataclass
class Document:
    """An AsyncAPI 3 document whose schemas say which fields a message has."""

    root: Schema

    def resolve(self, node: Any) -> Any:
        """Follow $ref until a node without one; what stands beside a $ref is kept on top."""
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def read(self, schema: Schema, value: Any, path: str, problems: list[str]) -> Any:
        """Return the value with the fields that the schema names, and note what contradicts the schema."""
        schema = self.resolve(schema)
        if "anyOf" in schema:
            noted: list[list[str]] = [[] for _ in schema["anyOf"]]
            results = [
                self.read(one, value, path, notes)
                for one, notes in zip(schema["anyOf"], noted, strict=True)
            ]
            best = noted.index([]) if [] in noted else 0
            problems.extend(noted[best])
            return results[best]
        declared = schema.get("type", [])
        types = [declared] if isinstance(declared, str) else list(declared)
        fitting = [name for name in types if is_type(value, name)]
        if types and not fitting:
            problems.append(f"{path}: {type(value).__name__} instead of {' or '.join(types)}")
        if value is None or (types and not fitting):
            return value
        allowed = schema.get("enum", [schema.get("const", value)])
        if value not in allowed:
            problems.append(f"{path}: {value!r} is not one of {allowed}")
        pattern = schema.get("pattern", DATE_TIME if schema.get("format") == "date-time" else "")
        if isinstance(value, str) and not re.search(pattern, value):
            problems.append(f"{path}: {value!r} does not match {pattern}")
        if isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
            return self.read_object(schema, value, path, problems)
        if isinstance(value, list) and "items" in schema:
            return [
                self.read(schema["items"], item, f"{path}[{n}]", problems)
                for n, item in enumerate(value)
            ]
        return (
            int(value) if "integer" in fitting else float(value) if "number" in fitting else value
        )

    def read_object(
        self, schema: Schema, value: Mapping[str, Any], path: str, problems: list[str]
    ) -> dict[str, Any]:
        """Read each promised field: null where an optional one is absent; unknown ones are left out."""
        properties, result = schema.get("properties", {}), dict[str, Any]()
        for name, inner in properties.items():
            result[name] = (
                self.read(inner, value[name], f"{path}.{name}", problems) if name in value else None
            )
        missing = [name for name in schema.get("required", []) if name not in value]
        problems.extend(f"{path}.{name}: required and missing" for name in missing)
        if isinstance(extra := schema.get("additionalProperties"), dict):
            for name in value.keys() - properties.keys():
                result[name] = self.read(extra, value[name], f"{path}.{name}", problems)
        return result


def text_of(raw: str | bytes | None, path: str, problems: list[str]) -> str | None:
    """Decode UTF-8, and note what is not."""
    if raw is None or isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        problems.append(f"{path}: not UTF-8")
        return raw.decode("utf-8", "replace")


@dataclass
class Channel:
    """A channel to which the service sends. One that is compacted holds rows, with a state per key."""

    document: Document
    name: str
    payload: Schema
    headers: Schema
    rows: bool
    problems: list[str]
    state: dict[str, tuple[int, Any, dict[str, Any]]] = field(default_factory=dict)

    def take(self, message: Message) -> dict[str, Any]:
        """Return the output line of a message, note its problems, and bring the state up to date."""
        found, checked = list[str](), list[str]()
        tombstone = self.rows and message.value() is None
        key = text_of(message.key(), "key", found if self.rows else [])
        headers = self.read_headers(message, found)
        fields: dict[str, Any] = self.document.read(self.headers, headers, "headers", checked)
        # A tombstone may come without headers.
        found.extend(
            text for text in checked if not (tombstone and text.endswith("required and missing"))
        )
        if self.rows:
            fields = {} if tombstone else self.take_row(key, headers, message.value(), found)
            found.extend(["key: missing"] if key is None else [])
        if tombstone and key is not None:
            self.state.pop(key, None)
        place = f"{self.name} partition {message.partition()} offset {message.offset()} key {key if self.rows else '-'}"
        self.problems.extend(f"{place}: {text}" for text in found)
        return {
            "channel": self.name,
            "key": key,
            "headers": headers,
            "tombstone": tombstone,
            "fields": fields,
        }

    def read_headers(self, message: Message, found: list[str]) -> dict[str, str]:
        """Return the headers as text: the last of each name, empty where a header has no value."""
        result, promised = dict[str, str](), self.headers.get("properties", {})
        pairs: Any = (
            message.headers() or []
        )  # a list of names and values, whatever else its type allows
        for name, raw in pairs:
            noted = found if name in promised else []
            if name in result:
                noted.append(
                    f"headers.{name}: more than once, the document does not say which counts; last taken"
                )
            noted.extend([f"headers.{name}: no value"] if raw is None else [])
            result[name] = text_of(raw, f"headers.{name}", noted) or ""
        return result

    def take_row(
        self, key: str | None, headers: dict[str, str], raw: Any, found: list[str]
    ) -> dict[str, Any]:
        """Read a row and, if its revision says so, put it in force."""
        try:
            value = json.loads(
                raw.decode("utf-8"), parse_constant=str
            )  # NaN is no JSON, and so no number
            fields = self.document.read(self.payload, value, "payload", found)
        except (ValueError, RecursionError):
            value = None
            found.append("payload: no JSON in UTF-8; not put in force")
        if not isinstance(value, dict):
            return dict.fromkeys(self.payload.get("properties", {}))
        result: dict[str, Any] = fields
        check_prose(key, result, found)
        schema = self.headers.get("properties", {}).get("oncofhir-schema", {}).get("const")
        if schema and headers.get("oncofhir-schema", schema) != schema:
            found.append(
                "another contract or major version, of which the document says nothing; not put in force"
            )
        elif not is_type(result.get("revision"), "integer"):
            found.append("no revision to order the row by; not put in force")
        elif key is not None:
            revision, known = result["revision"], self.state.get(key)
            if known and known[0] == revision and known[1] != value:
                found.append(
                    f"revision {revision} twice with different content: left open which counts; last taken"
                )
            if known is None or revision >= known[0]:
                self.state[key] = (revision, value, result)
        return result


def check_prose(key: str | None, fields: dict[str, Any], found: list[str]) -> None:
    """Note what contradicts the descriptions, beyond the schemas: keys, retractions, confidence."""
    finding = "finding" in fields
    status, operation = fields.get("status"), fields.get("operation") or "upsert"
    expected, confidence = (
        fields.get("finding" if finding else "document"),
        fields.get("confidence"),
    )
    if not finding and status in ("older-version-ignored", "duplicate-resource"):
        expected = "|".join(
            str(fields.get(name)) for name in ("document", "source", "source_version")
        )
        if fields.get("source_version") is None:
            expected = None
            found.append("key: the document does not say what it is without a source_version")
    if expected is not None and key not in (None, expected):
        found.append(f"key: {expected!r} expected")
    if finding and (operation == "retract") != (status == "withdrawn"):
        found.append(f"operation {operation!r} with status {status!r}: the document leaves it open")
    if fields.get("assertion") not in (None, "affirmed"):
        found.append(f"assertion {fields['assertion']!r}: only affirmed findings become rows")
    if isinstance(confidence, float) and not 0 <= confidence <= 1:
        found.append(f"confidence {confidence} is not between 0 and 1")


def channels_of(document: Document, problems: list[str]) -> dict[str, Channel]:
    """Return the channels to which the service sends, by topic."""
    result: dict[str, Channel] = {}
    for operation in (
        one for one in document.root["operations"].values() if one["action"] == "send"
    ):
        name = operation["channel"]["$ref"].rsplit("/", 1)[-1]
        node = document.resolve(operation["channel"])
        topic = node.get("bindings", {}).get("kafka", {}).get("topicConfiguration", {})
        message = document.resolve(next(iter(node["messages"].values())))
        payload, headers = (
            document.resolve(message["payload"]),
            document.resolve(message.get("headers", {})),
        )
        compacted = "compact" in topic.get("cleanup.policy", [])
        result[node["address"]] = Channel(document, name, payload, headers, compacted, problems)
    return result


def ends_of(consumer: Consumer, topic: str, problems: list[str]) -> dict[tuple[str, int], int]:
    """Return the end offset of each partition of a topic; none where the topic does not exist."""
    metadata = consumer.list_topics(topic, timeout=REQUEST_SECONDS).topics.get(topic)
    if metadata is None or metadata.error is not None:
        problems.append(f"topic {topic}: {metadata.error if metadata else 'missing'}")
    ends: dict[tuple[str, int], int] = {}
    for partition in metadata.partitions if metadata else {}:
        marks = consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=REQUEST_SECONDS
        )
        if marks is None:
            raise SystemExit(f"no end offset of {topic} {partition}")
        ends[topic, partition] = marks[1] if marks[1] > marks[0] else 0
    return ends


def main(path: str, servers: str) -> None:
    """Read all messages up to the ends, write one line for each, then the state in force and the problems."""
    problems: list[str] = []
    channels = channels_of(Document(json.loads(Path(path).read_text("utf-8"))), problems)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": f"contract-{uuid.uuid4()}",
        "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest"})  # fmt: skip
    ends = {
        place: end
        for topic in channels
        for place, end in ends_of(consumer, topic, problems).items()
    }
    consumer.assign(
        [TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends]
    )
    pending = {place for place, end in ends.items() if end > 0}
    last = time.monotonic()
    while ends and time.monotonic() - last < (STALL_SECONDS if pending else IDLE_SECONDS):
        if (message := consumer.poll(0.2)) is None:
            continue
        error, place = message.error(), (str(message.topic()), message.partition() or 0)
        if error is None:
            print(json.dumps(channels[place[0]].take(message)))
        elif error.code() != KafkaError._PARTITION_EOF:
            if message.topic() is None and not error.fatal():
                continue  # an error of a connection: the client tries again
            raise KafkaException(error)
        elif place not in pending:
            continue
        last = time.monotonic()
        if error is not None or (message.offset() or 0) + 1 >= ends.get(place, 0):
            pending.discard(place)
    consumer.close()
    if pending:
        raise SystemExit(f"stopped before the end of {sorted(pending)}")
    current = {
        c.name: {key: row[2] for key, row in c.state.items()} for c in channels.values() if c.rows
    }
    print(json.dumps({"current": current, "problems": problems}))


if __name__ == "__main__":
    main(*sys.argv[1:])
