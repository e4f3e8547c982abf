"""Closed schemas of the custom resources that the chart makes: the fields it uses, and no other.

Written from the documentation of each; narrower than the definitions in a cluster. `upstream` reads
those definitions from a folder, for a check against the real ones.

Sources: https://keda.sh/docs/2.21/reference/scaledobject-spec/ and …/scalers/apache-kafka/,
https://prometheus-operator.dev/docs/api-reference/api/,
https://strimzi.io/docs/operators/latest/configuring#type-KafkaUser-reference and …#type-KafkaTopic-reference.
"""

from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"enum": ["true", "false"]}
_DURATION: Schema = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}


def _closed(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


_MAP: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA = _closed({"name": _TEXT, "labels": _MAP}, namespace=_TEXT, annotations=_MAP)
_SELECTOR = _closed({"matchLabels": _MAP})
_SCALE_DOWN = _closed(
    {
        "stabilizationWindowSeconds": {**_COUNT, "maximum": 3600},
        "policies": _list(
            _closed(
                {
                    "type": {"enum": ["Pods", "Percent"]},
                    "value": {"type": "integer", "minimum": 1},
                    "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
                }
            )
        ),
    }
)
_KAFKA_TRIGGER = _closed(
    {
        "type": {"const": "kafka"},
        "metadata": _closed(
            {
                "bootstrapServers": _TEXT,
                "consumerGroup": _TEXT,
                "topic": _TEXT,
                "lagThreshold": {"type": "string", "pattern": "^[1-9][0-9]*$"},
                "activationLagThreshold": {"type": "string", "pattern": "^[0-9]+$"},
                "offsetResetPolicy": {"enum": ["latest", "earliest"]},
                "excludePersistentLag": _FLAG,
                "limitToPartitionsWithLag": _FLAG,
                "tls": {"enum": ["enable", "disable"]},
                "sasl": {"enum": ["none", "plaintext", "scram_sha256", "scram_sha512"]},
            }
        ),
    },
    authenticationRef=_closed({"name": _TEXT}),
)
_SCALED_OBJECT = _closed(
    {
        "scaleTargetRef": _closed({"name": _TEXT}),
        "pollingInterval": _COUNT,
        "minReplicaCount": _COUNT,
        "maxReplicaCount": _COUNT,
        "fallback": _closed({"failureThreshold": _COUNT, "replicas": _COUNT}),
        "advanced": _closed(
            {
                "horizontalPodAutoscalerConfig": _closed(
                    {"behavior": _closed({"scaleDown": _SCALE_DOWN})}
                )
            }
        ),
        "triggers": _list(_KAFKA_TRIGGER),
    }
)
_PARAMETER: Schema = {"enum": ["username", "password", "ca", "cert", "key"]}
_TRIGGER_AUTHENTICATION = _closed(
    {
        "secretTargetRef": _list(_closed({"parameter": _PARAMETER, "name": _TEXT, "key": _TEXT})),
    },
    env=_list(_closed({"parameter": _PARAMETER, "name": _TEXT, "containerName": _TEXT})),
)
_RELABELINGS = _list({"type": "object"})
_ENDPOINT = _closed(
    {
        "port": _TEXT,
        "path": {"const": "/metrics"},
        "interval": _DURATION,
        "scrapeTimeout": _DURATION,
    },
    relabelings=_RELABELINGS,
    metricRelabelings=_RELABELINGS,
)
_RULE = _closed(
    {
        "alert": _TEXT,
        "expr": _TEXT,
        "labels": _closed({"severity": {"enum": ["page", "ticket"]}}),
        "annotations": _closed(
            {"summary": _TEXT, "description": _TEXT, "runbook_url": _TEXT},
        ),
    },
    **{"for": _DURATION},
)
_OPERATION: Schema = {
    "enum": ["Read", "Write", "Create", "Delete", "Alter", "Describe", "DescribeConfigs"]
}
_ACL = _closed(
    {
        "resource": _closed(
            {
                "type": {"enum": ["topic", "group"]},
                "name": _TEXT,
                "patternType": {"enum": ["literal", "prefix"]},
            }
        ),
        "operations": _list(_OPERATION),
        "host": _TEXT,
    }
)
_KAFKA_USER = _closed(
    {
        "authentication": _closed({"type": {"enum": ["tls", "scram-sha-512"]}}),
        "authorization": _closed({"type": {"const": "simple"}, "acls": _list(_ACL)}),
    }
)
_KAFKA_TOPIC = _closed(
    {
        "partitions": {"type": "integer", "minimum": 1},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 32767},
        "config": _closed(
            {},
            **{
                "max.message.bytes": _COUNT,
                "cleanup.policy": {"enum": ["compact", "delete"]},
            },
        ),
    }
)


def _resource(api_version: str, kind: str, spec: Schema) -> Schema:
    return _closed(
        {
            "apiVersion": {"const": api_version},
            "kind": {"const": kind},
            "metadata": _METADATA,
            "spec": spec,
        }
    )


OURS: dict[tuple[str, str], Schema] = {
    (api, kind): _resource(api, kind, spec)
    for api, kind, spec in (
        ("keda.sh/v1alpha1", "ScaledObject", _SCALED_OBJECT),
        ("keda.sh/v1alpha1", "TriggerAuthentication", _TRIGGER_AUTHENTICATION),
        (
            "monitoring.coreos.com/v1",
            "PodMonitor",
            _closed({"selector": _SELECTOR, "podMetricsEndpoints": _list(_ENDPOINT)}),
        ),
        (
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            _closed({"selector": _SELECTOR, "endpoints": _list(_ENDPOINT)}),
        ),
        (
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            _closed({"groups": _list(_closed({"name": _TEXT, "rules": _list(_RULE)}))}),
        ),
        ("kafka.strimzi.io/v1", "KafkaUser", _KAFKA_USER),
        ("kafka.strimzi.io/v1", "KafkaTopic", _KAFKA_TOPIC),
    )
}


def upstream(folder: Path) -> dict[tuple[str, str], Schema]:
    """The schemas in the CustomResourceDefinitions under a folder, closed as an API server holds them."""
    found = {}
    for file in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if not isinstance(document, dict) or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                api = f"{spec['group']}/{version['name']}"
                schema = version["schema"]["openAPIV3Schema"]
                metadata = schema["properties"].pop("metadata", {})
                found[api, spec["names"]["kind"]] = _without_unknown_fields(schema)
                schema["properties"]["metadata"] = metadata
    return found


def _without_unknown_fields(schema: Any) -> Any:
    """Structural schemas drop unknown fields in a cluster; here they are errors."""
    if isinstance(schema, list):
        return [_without_unknown_fields(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    for inner in schema.values():
        _without_unknown_fields(inner)
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in schema and "additionalProperties" not in schema and not open_ended:
        schema["additionalProperties"] = False
    return schema
