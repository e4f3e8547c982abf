"""values.schema.json is closed, complete and in step with values.yaml."""

import json

import pytest
import yaml
from helm_python import HelmError

from helm.check.rendering import CHART
from helm.check.table import leaves, with_table
from tests.helm.charts import objects

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def object_schemas(schema, path="values"):
    if schema.get("type") == "object":
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from object_schemas(inner, f"{path}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from object_schemas(inner, f"{path}[]")


def test_every_object_is_closed_unless_it_is_kubernetes_own():
    kubernetes_own = {
        "affinity", "tolerations[]", "topologySpreadConstraints[]", "to[]", "from[]", "metricsFrom[]", "relabelings[]",
        "metricRelabelings[]", "extraEnv[]", "extraVolumes[]", "extraVolumeMounts[]", "initContainers[]",
        "extraObjects[]", "global",
    }  # fmt: skip
    open_ended = {
        path
        for path, schema in object_schemas(SCHEMA)
        if "additionalProperties" not in schema and path.rpartition(".")[2] not in kubernetes_own
    }
    assert open_ended == set()


def test_every_value_has_a_meaning_and_a_default_and_every_default_a_schema():
    described = {path for path, schema in leaves(SCHEMA) if schema.get("description")} - {"global"}

    def set_in(values, path=""):
        for name, inner in values.items():
            here = f"{path}.{name}" if path else name
            if isinstance(inner, dict) and here not in described:
                yield from set_in(inner, here)
            else:
                yield here

    former = {path for path, schema in leaves(SCHEMA) if schema.get("deprecated")}
    assert set(set_in(DEFAULTS)) == described - former


@pytest.mark.parametrize(
    "changes",
    [
        {"kafka": {"bootstrapServer": "kafka:9092"}},
        {"worker": {"replica": 2}},
        {"model": {"server": {"gpus": 1}}},
        {"kafka": {"bootstrapServers": "https://kafka"}},
        {"kafka": {"securityProtocol": "TLS"}},
        {"fhir": {"baseUrl": "fhir.example/fhir"}},
        {"fhir": {"baseUrl": "https://user:password@fhir.example/fhir"}},
        {"image": {"digest": "latest"}},
        {"worker": {"replicas": 0}},
        {"worker": {"replicas": "2"}},
        {"autoscaling": {"kind": "both"}},
        {"allowPlaintext": ["everything"]},
        {"kafka": {"sasl": {"password": "in clear"}}},
        {"fhir": {"token": "in clear"}},
        {"worker": {"httpPort": 80}},
    ],
)
def test_what_the_schema_does_not_know_is_refused(changes):
    with pytest.raises(HelmError, match=r"(?s)schema|values"):
        objects(changes=changes)


def test_the_readme_has_the_table_of_values():
    readme = (CHART / "README.md").read_text()
    assert readme == with_table(readme, CHART)
    assert "| `kafka.partitions` | `8` |" in readme


def test_the_values_file_is_small():
    assert len((CHART / "values.yaml").read_text().splitlines()) < 350
