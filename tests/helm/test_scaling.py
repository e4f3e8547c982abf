"""KEDA by consumer lag, or the HPA, or neither; never both."""

import pytest

from tests.helm.charts import kinds, objects, worker

NAME = "oncofhir-worker"


def test_without_autoscaling_the_number_is_given():
    found = objects(changes={"worker": {"replicas": 3}})
    assert found[("Deployment", NAME)]["spec"]["replicas"] == 3
    assert not kinds(found) & {"ScaledObject", "TriggerAuthentication", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm", "external-model"])
def test_with_autoscaling_a_first_installation_says_no_number(profile):
    """An upgrade keeps the live number: make test-cluster sees to it, for only a cluster has one."""
    assert "replicas" not in worker(profile)["spec"]


def test_keda_looks_at_the_group_on_both_topics_as_the_worker_reads_them():
    found = objects("vllm")
    assert "HorizontalPodAutoscaler" not in kinds(found)
    spec = found[("ScaledObject", NAME)]["spec"]
    assert spec["scaleTargetRef"] == {"name": NAME}
    settings = found[("ConfigMap", "oncofhir")]["data"]
    topics = [trigger["metadata"]["topic"] for trigger in spec["triggers"]]
    assert topics == [
        settings["ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC"],
        settings["ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_TOPIC"],
    ]
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        assert metadata["consumerGroup"] == settings["ONCOFHIR_KAFKA__GROUP_ID"]
        assert metadata["bootstrapServers"] == settings["ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS"]
        assert metadata["offsetResetPolicy"] == "earliest"
        assert metadata["excludePersistentLag"] == metadata["limitToPartitionsWithLag"] == "true"
        assert all(isinstance(value, str) for value in metadata.values())


@pytest.mark.parametrize(
    ("mechanism", "keda"),
    [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256"), ("SCRAM-SHA-512", "scram_sha512")],
)
def test_keda_gets_the_credentials_by_reference(mechanism, keda):
    found = objects("vllm", {"kafka": {"sasl": {"mechanism": mechanism}}})
    triggers = found[("ScaledObject", NAME)]["spec"]["triggers"]
    assert {trigger["metadata"]["sasl"] for trigger in triggers} == {keda}
    assert all(trigger["authenticationRef"] == {"name": NAME} for trigger in triggers)
    spec = found[("TriggerAuthentication", NAME)]["spec"]
    assert spec["secretTargetRef"] == [
        {"parameter": "password", "name": "oncofhir-kafka", "key": "password"}
    ]
    assert spec["env"] == [
        {
            "parameter": "username",
            "name": "ONCOFHIR_KAFKA__SASL_USERNAME",
            "containerName": "worker",
        }
    ]


def test_keda_gets_certificates_by_reference():
    found = objects("strict", {"autoscaling": {"kind": "keda"}})
    spec = found[("TriggerAuthentication", NAME)]["spec"]
    assert {ref["parameter"]: (ref["name"], ref["key"]) for ref in spec["secretTargetRef"]} == {
        "ca": ("hospital-ca", "ca.crt"),
        "cert": ("oncofhir-kafka-client", "tls.crt"),
        "key": ("oncofhir-kafka-client", "tls.key"),
    }


def test_a_broker_without_credentials_needs_no_authentication():
    found = objects(changes={"autoscaling": {"kind": "keda"}})
    assert "TriggerAuthentication" not in kinds(found)
    assert "authenticationRef" not in found[("ScaledObject", NAME)]["spec"]["triggers"][0]


def test_the_hpa_is_the_alternative():
    found = objects("external-model")
    assert not kinds(found) & {"ScaledObject", "TriggerAuthentication"}
    spec = found[("HorizontalPodAutoscaler", NAME)]["spec"]
    assert spec["scaleTargetRef"]["name"] == NAME
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)


@pytest.mark.parametrize("profile", ["external-model", "vllm"])
def test_workers_go_slowly(profile):
    found = objects(profile)
    if profile == "vllm":
        config = found[("ScaledObject", NAME)]["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
        down = config["behavior"]["scaleDown"]
    else:
        down = found[("HorizontalPodAutoscaler", NAME)]["spec"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 600
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 120}]


def test_as_many_workers_as_partitions_are_accepted():
    assert worker(changes={"worker": {"replicas": 8}})["spec"]["replicas"] == 8
    found = objects("vllm", {"kafka": {"partitions": 32}, "autoscaling": {"maxReplicas": 32}})
    assert found[("ScaledObject", NAME)]["spec"]["maxReplicaCount"] == 32
