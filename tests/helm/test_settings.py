"""The environment that the chart gives is the one that oncofhir reads."""

import importlib.metadata

import pytest
import yaml

from helm.check.rendering import CHART, notes
from oncofhir import __version__
from oncofhir.consumers.kafka.topics import wanted_topics
from oncofhir.settings import describe_settings, known_variables, load
from tests.helm.charts import PROFILES, objects, values, worker

SECRET_FILES = (
    "_PASSWORD_FILE",
    "_TOKEN_FILE",
    "_CA_FILE",
    "_CERTIFICATE_FILE",
    "_KEY_FILE",
)  # PRIVATE_KEY_FILE too


def environment(profile, changes=None):
    return objects(profile, changes)[("ConfigMap", "oncofhir")]["data"]


@pytest.mark.parametrize("profile", PROFILES)
def test_oncofhir_knows_every_variable_and_accepts_every_value(profile, monkeypatch):
    given = environment(profile)
    assert set(given) <= set(known_variables())
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load()
    sources = {row["variable"]: row["source"] for row in describe_settings(settings)}
    assert all(sources[name] == "environment" for name in given)
    assert settings.kafka.bootstrap_servers == values(profile)["kafka"]["bootstrapServers"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_secret_file_in_the_environment_is_mounted(profile):
    spec = worker(profile)["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    mounted = {
        f"{mounts[volume['name']]}/{item['path']}"
        for volume in spec["volumes"]
        for item in volume.get("secret", {}).get("items", [])
    }
    files = {v for name, v in environment(profile).items() if name.endswith(SECRET_FILES)}
    assert files == mounted


def test_the_audience_of_a_smart_assertion_is_a_value():
    secret = {"clientId": "x", "privateKeySecret": {"name": "key"}}
    changes = {
        "fhir": {"tokenSecret": {"name": ""}, "smart": secret | {"tokenAudience": "urn:aud"}}
    }
    assert environment("minimal", changes)["ONCOFHIR_FHIR__TOKEN_AUDIENCE"] == "urn:aud"
    changes["fhir"]["smart"] = secret
    assert "ONCOFHIR_FHIR__TOKEN_AUDIENCE" not in environment("minimal", changes)


def test_a_changed_setting_changes_the_pods():
    def checksum(changes):
        annotations = worker(changes=changes)["spec"]["template"]["metadata"]["annotations"]
        return annotations["checksum/config"]

    assert checksum({"worker": {"logLevel": "DEBUG"}}) != checksum({})
    assert checksum({"worker": {"replicas": 2}}) == checksum({})


def test_any_other_setting_can_be_given_and_wins():
    given = environment(
        "minimal",
        {"worker": {"env": {"ONCOFHIR_RETRY__ATTEMPTS": "7", "ONCOFHIR_LOG__LEVEL": "ERROR"}}},
    )
    assert given["ONCOFHIR_RETRY__ATTEMPTS"] == "7"
    assert given["ONCOFHIR_LOG__LEVEL"] == "ERROR"


def test_no_large_number_is_written_with_an_exponent():
    assert environment("minimal")["ONCOFHIR_KAFKA__MAX_REQUEST_BYTES"] == "16777216"


def test_the_chart_is_for_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__ == importlib.metadata.version("oncofhir")


def test_strimzi_makes_the_topics_that_oncofhir_would_make(monkeypatch):
    for name, value in environment("gpu-tgi").items():
        monkeypatch.setenv(name, value)
    wanted = {
        topic.name: {name: str(value) for name, value in topic.configs.items()}
        for topic in wanted_topics(load().kafka, partitions=8, replication_factor=3)
    }
    made = {
        name: {key: str(value) for key, value in each["spec"]["config"].items()}
        for (kind, name), each in objects("gpu-tgi").items()
        if kind == "KafkaTopic"
    }
    assert made == wanted


def test_the_notes_say_what_to_look_at_and_what_is_loose():
    text = notes(values())
    assert "rollout status deployment/oncofhir-worker" in text
    assert "helm test oncofhir" in text
    assert "Unencrypted, as allowPlaintext says: kafka, fhir, model." in text
    assert "set image.digest" in text
    assert "Unencrypted" not in notes(values("strict"))
