"""The Job of a backfill: off by default, with its position on a claim, and no retry of what cannot succeed."""

import pytest
from helm_python import HelmError

from oncofhir.cli.exit_status import ExitStatus
from tests.helm.charts import PROFILES, kinds, objects, pod_of

TOPICS = {"topics": {"diagnosticReportBackfill": "fhir.diagnostic-report.backfill"}}
SEARCH = ["search", "DiagnosticReport?category=PAT", "--rate", "20/s"]
ON = {"enabled": True, "arguments": SEARCH, "stateClaim": "oncofhir-backfill"}


def with_backfill(profile="minimal", kafka=TOPICS, **backfill):
    return objects(profile, {"kafka": kafka, "backfill": {**ON, **backfill}})


def job_of(found):
    (job,) = (o for (kind, name), o in found.items() if kind == "Job" and "backfill" in name)
    return job


@pytest.mark.parametrize("profile", PROFILES)
def test_it_is_off_by_default(profile):
    assert not [name for _, name in objects(profile) if "backfill" in name]


def test_it_runs_the_command_where_its_state_is_kept():
    pod = pod_of(job_of(with_backfill()))
    (container,) = pod["containers"]
    assert container["args"] == ["backfill", *SEARCH]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claim = volumes[mounts[container["workingDir"]]]["persistentVolumeClaim"]
    assert claim == {"claimName": "oncofhir-backfill"}


def test_the_former_name_of_a_backfill_topic_is_read():
    former = {"topics": {"diagnosticReportHistory": "fhir.diagnostic-report.backfill"}}
    assert with_backfill(kafka=former) == with_backfill()


def test_files_are_read_only():
    found = with_backfill(arguments=["files", "/exports/2026-11"], filesClaim="bulk")
    pod = pod_of(job_of(found))
    (mount,) = (m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/exports")
    assert mount["readOnly"] is True
    (volume,) = (v for v in pod["volumes"] if v["name"] == mount["name"])
    assert volume["persistentVolumeClaim"] == {"claimName": "bulk", "readOnly": True}


def test_only_what_may_pass_is_tried_again():
    spec = job_of(with_backfill(retries=7))["spec"]
    assert spec["backoffLimit"] == 7
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    failing, eviction = spec["podFailurePolicy"]["rules"]
    # Not WRONG_USAGE, which is also a topic that the topics Job has not made yet.
    assert failing["onExitCodes"]["values"] == [ExitStatus.WRONG_RESULT]
    assert eviction["action"] == "Ignore"


def test_another_backfill_is_another_job_and_the_same_the_same():
    name = job_of(with_backfill())["metadata"]["name"]
    assert job_of(with_backfill())["metadata"]["name"] == name
    assert job_of(with_backfill(arguments=["export"]))["metadata"]["name"] != name


def test_it_reaches_kafka_and_the_fhir_server_alone():
    policy = with_backfill()[("NetworkPolicy", "oncofhir-backfill")]["spec"]
    assert policy["ingress"] == []
    ports = [sorted({port["port"] for port in rule["ports"]}) for rule in policy["egress"]]
    assert ports == [[53], [9092], [8080]]


def test_strimzi_gives_it_an_identity_that_writes_history_alone():
    found = with_backfill("gpu-tgi")
    acls = found[("KafkaUser", "oncofhir-backfill")]["spec"]["authorization"]["acls"]
    assert {(acl["resource"]["name"], *acl["operations"]) for acl in acls} == {
        ("fhir.diagnostic-report.backfill", "Write", "Describe"),
        ("oncology.dead-letters", "Write", "Describe"),
    }
    volumes = {volume["name"]: volume for volume in pod_of(job_of(found))["volumes"]}
    assert volumes["kafka-client"]["secret"]["secretName"] == "oncofhir-backfill"
    assert "KafkaUser" not in kinds(with_backfill())


def test_it_may_have_a_user_of_its_own():
    kafka = {"username": "history", "passwordSecret": {"name": "history"}}
    changes = {"kafka": TOPICS, "backfill": {**ON, "kafka": kafka}}
    pod = pod_of(job_of(objects("external-model", changes)))
    env = pod["containers"][0]["env"]
    assert env == [{"name": "ONCOFHIR_KAFKA__SASL_USERNAME", "value": "history"}]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["kafka-password"]["secret"]["secretName"] == "history"


WRONG = {
    "no topic": ({}, {}, "no topic to publish to"),
    "no source": (TOPICS, {"arguments": []}, "begin with files, export or search"),
    "another command": (TOPICS, {"arguments": ["worker"]}, "begin with files, export or search"),
    "no position": (TOPICS, {"stateClaim": ""}, "create a PersistentVolumeClaim"),
    "no files": (TOPICS, {"arguments": ["files", "/exports"]}, "backfill.filesClaim is empty"),
    "nothing published": (TOPICS, {"arguments": ["search", "--dry-run"]}, "has --dry-run"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_combinations_are_refused(name):
    kafka, backfill, said = WRONG[name]
    with pytest.raises(HelmError, match=said):
        with_backfill(kafka=kafka, **backfill)
