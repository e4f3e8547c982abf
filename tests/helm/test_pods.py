"""What every pod has to keep, whatever the profile; and the worker's life."""

import pytest

from tests.helm.charts import PROFILES, objects, pod_of, worker


def pods(profile):
    for each in objects(profile).values():
        if (pod := pod_of(each)) is not None:
            yield each, pod


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_keeps_the_restricted_standard(profile):
    found = list(pods(profile))
    assert len(found) >= 3 - (profile == "gpu-tgi")
    for _, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
            assert {"requests", "limits"} <= set(container["resources"])
            assert all("hostPort" not in port for port in container.get("ports", []))
        kinds = {next(key for key in volume if key != "name") for volume in pod["volumes"]}
        assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim"}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_pod_can_ask_the_api_server_or_sees_other_services(profile):
    for _, pod in pods(profile):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
    found = objects(profile)
    assert found[("ServiceAccount", "oncofhir")]["automountServiceAccountToken"] is False
    assert not any("Role" in kind for kind, _ in found)


@pytest.mark.parametrize("profile", PROFILES)
def test_secrets_are_mounted_files_and_never_environment(profile):
    for _, pod in pods(profile):
        for container in pod["containers"]:
            assert all("secretRef" not in source for source in container.get("envFrom", []))
            assert all("secretKeyRef" not in str(entry) for entry in container.get("env", []))
            assert all(
                "subPath" not in m for m in container["volumeMounts"] if m["name"] != "weights"
            )
    assert not any(kind == "Secret" for kind, _ in objects(profile))


def test_probes_ask_what_the_worker_answers():
    container = worker()["spec"]["template"]["spec"]["containers"][0]
    paths = {
        probe: container[f"{probe}Probe"]["httpGet"]
        for probe in ("startup", "liveness", "readiness")
    }
    assert paths == {
        "startup": {"path": "/startup", "port": "http"},
        "liveness": {"path": "/live", "port": "http"},
        "readiness": {"path": "/ready", "port": "http"},
    }
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


def test_the_port_is_one_value():
    found = objects(changes={"worker": {"httpPort": 9100}})
    container = pod_of(found[("Deployment", "oncofhir-worker")])["containers"][0]
    assert container["ports"][0]["containerPort"] == 9100
    assert found[("ConfigMap", "oncofhir")]["data"]["ONCOFHIR_HTTP__PORT"] == "9100"
    assert found[("Service", "oncofhir-worker")]["spec"]["ports"][0]["port"] == 9100


@pytest.mark.parametrize("drain", [1, 20, 300])
def test_kubernetes_waits_longer_than_the_worker_drains(drain):
    spec = pod_of(worker(changes={"worker": {"drainSeconds": drain}}))
    assert spec["terminationGracePeriodSeconds"] >= drain + 20


@pytest.mark.parametrize("minutes", [1, 60, 240])
def test_an_install_waits_for_a_worker_as_long_as_its_startup_probe(minutes):
    """The default of ten minutes failed an install with --wait while a model was loading."""
    spec = worker(changes={"worker": {"startupMinutes": minutes}})["spec"]
    probe = pod_of(worker(changes={"worker": {"startupMinutes": minutes}}))["containers"][0][
        "startupProbe"
    ]
    assert spec["progressDeadlineSeconds"] > probe["failureThreshold"] * probe["periodSeconds"]


@pytest.mark.parametrize("profile", PROFILES)
def test_what_a_container_said_last_is_in_its_status(profile):
    """A worker that ends for want of a topic says so in its log alone otherwise."""
    for _, pod in pods(profile):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_resources_of_every_container_are_values():
    """A quota on limits.cpu blocked the smoke test and the container of TLS."""
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    changes = {
        "worker": {"resources": resources},
        "topicsJob": {"resources": resources},
        "smokeTest": {"resources": resources},
        "model": {
            "server": {
                "resources": resources,
                "digestResources": resources,
                "tls": {"resources": resources},
            }
        },
    }
    for profile in ("air-gapped", "external-model"):
        applied = changes if profile == "air-gapped" else {**changes, "model": {}}
        for each in objects(profile, applied).values():
            pod = pod_of(each) or {}
            for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
                assert container["resources"]["limits"]["cpu"] == "2", container["name"]


@pytest.mark.parametrize("profile", PROFILES)
def test_something_makes_the_topics_by_default(profile):
    """Without topics a worker ends again and again."""
    found = objects(profile)
    jobs = [name for kind, name in found if kind == "Job"]
    by_strimzi = [name for kind, name in found if kind == "KafkaTopic"]
    assert bool(jobs) != bool(by_strimzi)


def test_an_update_takes_no_worker_away_first():
    strategy = worker()["spec"]["strategy"]
    assert strategy == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }


def test_selectors_do_not_change_with_the_version():
    selector = worker()["spec"]["selector"]["matchLabels"]
    assert set(selector) == {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
    }


def test_a_mirror_and_a_digest():
    image = pod_of(worker("air-gapped"))["containers"][0]["image"]
    assert image == "mirror.hospital.example/oncofhir/oncofhir@sha256:" + "0" * 64
    tagged = pod_of(worker(changes={"image": {"tag": "1.2"}}))["containers"][0]["image"]
    assert tagged == "registry.hospital.example/oncofhir:1.2"
    for _, pod in pods("air-gapped"):
        assert pod["imagePullSecrets"] == [{"name": "mirror"}]
        assert all(c["image"].startswith("mirror.hospital.example/") for c in pod["containers"])


def test_users_may_be_left_to_the_cluster():
    changes = {"security": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}
    assert set(pod_of(worker(changes=changes))["securityContext"]) == {
        "runAsNonRoot",
        "seccompProfile",
    }


def test_ways_out_go_through_tpl():
    spec = worker(
        changes={
            "worker": {
                "podLabels": {"team": "{{ .Release.Name }}-team"},
                "extraEnv": [{"name": "RELEASE", "value": "{{ .Release.Name }}"}],
                "extraVolumes": [{"name": "more", "emptyDir": {}}],
                "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
                "initContainers": [{"name": "before", "image": "{{ .Values.image.repository }}"}],
                "priorityClassName": "high",
                "nodeSelector": {"zone": "a"},
            },
            "extraObjects": [
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "{{ .Release.Name }}-x"},
                }
            ],
        }
    )["spec"]["template"]
    pod = spec["spec"]
    assert spec["metadata"]["labels"]["team"] == "oncofhir-team"
    assert pod["containers"][0]["env"] == [{"name": "RELEASE", "value": "oncofhir"}]
    assert pod["volumes"][-1]["name"] == pod["containers"][0]["volumeMounts"][-1]["name"] == "more"
    assert pod["initContainers"][0]["image"] == "registry.hospital.example/oncofhir"
    assert (pod["priorityClassName"], pod["nodeSelector"]) == ("high", {"zone": "a"})


def test_extra_objects_go_through_tpl():
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-x"}}
    assert ("ConfigMap", "oncofhir-x") in objects(changes={"extraObjects": [extra]})


def test_two_releases_share_no_name():
    from helm.check.rendering import manifests, rendered
    from tests.helm.charts import values

    def names(release):
        found = manifests(rendered(values("vllm"), release=release))
        return {(each["kind"], each["metadata"]["name"]) for each in found}

    assert names("a").isdisjoint(names("b"))


@pytest.mark.parametrize(("replicas", "budget"), [(1, False), (2, True)])
def test_a_disruption_budget_where_there_is_something_to_keep(replicas, budget):
    found = objects(changes={"worker": {"replicas": replicas}})
    assert (("PodDisruptionBudget", "oncofhir-worker") in found) is budget
    if budget:
        spec = found[("PodDisruptionBudget", "oncofhir-worker")]["spec"]
        assert spec["maxUnavailable"] == 1


def test_no_budget_where_it_is_not_wanted():
    changes = {"worker": {"replicas": 3, "disruptionBudget": False}}
    assert ("PodDisruptionBudget", "oncofhir-worker") not in objects(changes=changes)
