"""Strimzi's user and topics, the topics Job, the smoke test, the monitors."""

import pytest

from tests.helm.charts import kinds, objects, pod_of

TOPICS = {
    "fhir.diagnostic-report": "Read",
    "fhir.document-reference": "Read",
    "oncology.phenotypes": "Write",
    "oncology.outcomes": "Write",
    "oncology.dead-letters": "Write",
}


def rights(user):
    acls = user["spec"]["authorization"]["acls"]
    assert all(acl["resource"]["patternType"] == "literal" for acl in acls)
    found = {}
    for acl in acls:
        on = (acl["resource"]["type"], acl["resource"]["name"])
        found[on] = found.get(on, set()) | set(acl["operations"])
    return found


def test_the_worker_has_exactly_the_rights_it_needs():
    wanted = {("topic", name): {operation, "Describe"} for name, operation in TOPICS.items()}
    wanted["topic", "oncology.outcomes"] |= {"Read"}  # how the last reports ended, at its start
    user = objects("gpu-tgi")[("KafkaUser", "oncofhir")]
    assert rights(user) == wanted | {("group", "oncofhir"): {"Read"}}
    assert user["metadata"]["labels"]["strimzi.io/cluster"] == "hospital"
    assert user["spec"]["authentication"] == {"type": "tls"}


def test_rights_follow_the_names():
    changes = {"kafka": {"groupId": "shadow", "topics": {"phenotype": "shadow.phenotypes"}}}
    found = rights(objects("gpu-tgi", changes)[("KafkaUser", "oncofhir")])
    assert ("group", "shadow") in found
    assert ("topic", "shadow.phenotypes") in found
    assert ("topic", "oncology.phenotypes") not in found


def test_only_the_smoke_test_may_publish_reports_and_it_is_no_group():
    found = rights(objects("gpu-tgi")[("KafkaUser", "oncofhir-smoke-test")])
    assert found == {
        ("topic", "fhir.diagnostic-report"): {"Write", "Describe"},
        ("topic", "oncology.phenotypes"): {"Read", "Describe"},
        ("topic", "oncology.outcomes"): {"Read", "Describe"},
        ("topic", "oncology.dead-letters"): {"Read", "Describe"},
    }
    without = objects("gpu-tgi", {"smokeTest": {"enabled": False}})
    assert ("KafkaUser", "oncofhir-smoke-test") not in without
    assert "Pod" not in kinds(without)


def test_topics_stay_when_the_release_goes():
    made = {name: o for (kind, name), o in objects("gpu-tgi").items() if kind == "KafkaTopic"}
    assert set(made) == set(TOPICS)
    for topic in made.values():
        assert topic["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert (topic["spec"]["partitions"], topic["spec"]["replicas"]) == (8, 3)
    assert "KafkaTopic" not in kinds(objects("gpu-tgi", {"strimzi": {"topics": False}}))


def test_strimzis_secrets_are_mounted():
    pod = pod_of(objects("gpu-tgi")[("Deployment", "oncofhir-worker")])
    secrets = {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    assert secrets["kafka-client"] == "oncofhir"
    assert secrets["kafka-ca"] == "hospital-cluster-ca-cert"


def test_strimzi_in_another_namespace():
    changes = {
        "strimzi": {"namespace": "kafka"},
        "kafka": {"tls": {"caSecret": {"name": "ca"}, "clientSecret": {"name": "client"}}},
    }
    found = objects("gpu-tgi", changes)
    assert found[("KafkaUser", "oncofhir")]["metadata"]["namespace"] == "kafka"
    pod = pod_of(found[("Deployment", "oncofhir-worker")])
    assert {
        v["secret"]["secretName"] for v in pod["volumes"] if v["name"].startswith("kafka-")
    } == {"ca", "client"}


def job(changes=None):
    return next(o for (k, _), o in objects("external-model", changes).items() if k == "Job")


def test_the_topics_job_does_what_the_values_say():
    container = pod_of(job())["containers"][0]
    assert container["args"] == ["topics", "ensure", "--partitions=8", "--replication-factor=3"]
    assert [m["name"] for m in container["volumeMounts"]] == ["tmp", "kafka-password", "kafka-ca"]
    assert "annotations" not in job()["metadata"], (
        "no hook: hooks run before the ConfigMap is there"
    )
    assert "Job" not in kinds(objects(changes={"topicsJob": {"enabled": False}}))


def test_another_job_has_another_name_and_the_same_job_the_same():
    name = job()["metadata"]["name"]
    assert job()["metadata"]["name"] == name
    assert job({"kafka": {"partitions": 16}})["metadata"]["name"] != name
    assert job({"kafka": {"topics": {"outcome": "other"}}})["metadata"]["name"] != name
    assert job({"worker": {"replicas": 1}})["metadata"]["name"] == name


def smoke(profile, changes=None):
    return objects(profile, changes)[("Pod", "oncofhir-smoke-test")]


def test_the_smoke_test_runs_on_helm_test_only():
    pod = smoke("minimal")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["args"] == ["smoke-test", "--timeout=300"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["activeDeadlineSeconds"] > 300


@pytest.mark.parametrize(
    ("profile", "secret"),
    [("gpu-tgi", "oncofhir-smoke-test"), ("strict", "oncofhir-smoke-test-client")],
)
def test_the_smoke_test_has_a_kafka_identity_of_its_own(profile, secret):
    volumes = {v["name"]: v for v in smoke(profile)["spec"]["volumes"]}
    assert volumes["kafka-client"]["secret"]["secretName"] == secret


def test_the_smoke_test_may_have_a_user_of_its_own():
    changes = {"smokeTest": {"kafka": {"username": "smoke", "passwordSecret": {"name": "smoke"}}}}
    spec = smoke("external-model", changes)["spec"]
    env = spec["containers"][0]["env"]
    assert env == [{"name": "ONCOFHIR_KAFKA__SASL_USERNAME", "value": "smoke"}]
    volumes = {v["name"]: v for v in spec["volumes"]}
    assert volumes["kafka-password"]["secret"]["secretName"] == "smoke"


@pytest.mark.parametrize(
    ("kind", "resource"), [("pod", "PodMonitor"), ("service", "ServiceMonitor")]
)
def test_a_monitor_scrapes_the_named_port(kind, resource):
    found = objects(
        "strict",
        {
            "monitoring": {
                "kind": kind,
                "labels": {"release": "p"},
                "relabelings": [{"action": "labelmap"}],
            }
        },
    )
    monitor = found[(resource, "oncofhir-worker")]
    endpoint = monitor["spec"]["podMetricsEndpoints" if kind == "pod" else "endpoints"][0]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")
    assert endpoint["relabelings"] == [{"action": "labelmap"}]
    assert monitor["metadata"]["labels"]["release"] == "p"
    labels = found[("Service", "oncofhir-worker")]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_no_monitor_unless_asked():
    assert not kinds(objects()) & {"PodMonitor", "ServiceMonitor"}
