"""TGI or vLLM on a GPU, or neither."""

import pytest

from tests.helm.charts import PROFILES, kinds, objects, pod_of, values

NAME = "oncofhir-model"
TLS_OFF = {"allowPlaintext": ["model"], "model": {"server": {"tls": {"secretName": ""}}}}


def model(profile, changes=None):
    return objects(profile, changes)[("Deployment", NAME)]


def container(profile, changes=None):
    return pod_of(model(profile, changes))["containers"][0]


@pytest.mark.parametrize("profile", PROFILES)
def test_there_is_a_server_where_one_is_asked_for(profile):
    wanted = values(profile)["model"].get("kind", "external") != "external"
    found = objects(profile)
    assert (("Deployment", NAME) in found) is wanted
    assert (("Service", NAME) in found) is wanted


def test_tgi_reads_the_weights_of_the_volume_and_tells_nobody():
    args = container("gpu-tgi")["args"]
    assert "--model-id=/weights" in args
    assert "--usage-stats=off" in args
    assert "--max-total-tokens=2048" in args
    env = {entry["name"]: entry["value"] for entry in container("gpu-tgi")["env"]}
    assert env["HF_HUB_OFFLINE"] == "1"
    claim = pod_of(model("gpu-tgi"))["volumes"][0]["persistentVolumeClaim"]
    assert claim == {"claimName": "cancerllm-weights", "readOnly": True}
    mount = container("gpu-tgi")["volumeMounts"][0]
    assert mount == {
        "name": "weights",
        "mountPath": "/weights",
        "subPath": "cancerllm-7b",
        "readOnly": True,
    }


def test_vllm_tells_nobody_and_caches_prefixes():
    env = {entry["name"]: entry["value"] for entry in container("vllm")["env"]}
    assert env["VLLM_NO_USAGE_STATS"] == "1"
    assert "--enable-prefix-caching" in container("vllm")["args"]
    assert (
        objects("vllm")[("ConfigMap", "oncofhir")]["data"]["ONCOFHIR_MODEL__API"]
        == "openai-completions"
    )


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm"])
def test_gpus_and_shared_memory(profile):
    changes = {"model": {"server": {"gpu": {"count": 2}, "sharedMemory": "4Gi"}}}
    resources = container(profile, changes)["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "2"
    volumes = {volume["name"]: volume for volume in pod_of(model(profile, changes))["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "4Gi"}
    mounts = {m["name"]: m["mountPath"] for m in container(profile, changes)["volumeMounts"]}
    assert mounts["shm"] == "/dev/shm"
    split = "--num-shard=2" if profile == "gpu-tgi" else "--tensor-parallel-size=2"
    assert split in container(profile, changes)["args"]


def test_loading_has_time_and_there_is_no_second_gpu_to_surge_onto():
    spec = model("gpu-tgi", {"model": {"server": {"loadMinutes": 45}}})["spec"]
    probe = spec["template"]["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 45 * 60
    assert probe["httpGet"] == {"path": "/health", "port": 8443, "scheme": "HTTPS"}
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["progressDeadlineSeconds"] > 45 * 60


def test_tgi_listens_on_loopback_behind_the_proxy():
    pod = pod_of(model("gpu-tgi"))
    assert "--hostname=127.0.0.1" in pod["containers"][0]["args"]
    assert "ports" not in pod["containers"][0]
    assert pod["containers"][1]["name"] == "tls"
    assert "--listen=0.0.0.0:8443" in pod["containers"][1]["args"]


def test_vllm_ends_tls_itself():
    pod = pod_of(model("vllm"))
    assert len(pod["containers"]) == 1
    assert "--ssl-keyfile=/etc/model/tls/tls.key" in pod["containers"][0]["args"]


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm"])
def test_the_worker_is_told_the_address_and_whom_to_trust(profile):
    found = objects(profile)
    settings = found[("ConfigMap", "oncofhir")]["data"]
    assert settings["ONCOFHIR_MODEL__URL"] == "https://oncofhir-model.oncofhir.svc:8443"
    assert settings["ONCOFHIR_MODEL__RESOLVE_REPLICAS"] == "true"
    assert settings["ONCOFHIR_MODEL__CA_FILE"] == "/etc/oncofhir/secrets/model-ca/ca.crt"
    volumes = {v["name"]: v for v in pod_of(found[("Deployment", "oncofhir-worker")])["volumes"]}
    assert [item["key"] for item in volumes["model-ca"]["secret"]["items"]] == ["ca.crt"], (
        "never the key"
    )
    service = found[("Service", NAME)]["spec"]
    assert service["clusterIP"] == "None"
    assert service["ports"][0]["port"] == 8443


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm"])
def test_without_tls_where_that_is_allowed(profile):
    found = objects(profile, TLS_OFF)
    assert (
        found[("ConfigMap", "oncofhir")]["data"]["ONCOFHIR_MODEL__URL"]
        == "http://oncofhir-model.oncofhir.svc:8000"
    )
    pod = pod_of(found[("Deployment", NAME)])
    assert len(pod["containers"]) == 1
    assert "--port=8000" in pod["containers"][0]["args"]
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTP"
    assert "tls" not in {volume["name"] for volume in pod["volumes"]}


def test_several_replicas_have_a_budget_and_one_has_none():
    assert ("PodDisruptionBudget", NAME) in objects("vllm")
    assert ("PodDisruptionBudget", NAME) not in objects("gpu-tgi")


def test_arguments_can_be_added():
    changes = {
        "model": {"server": {"extraArgs": ["--quantize=eetq", "--name={{ .Release.Name }}"]}}
    }
    assert container("gpu-tgi", changes)["args"][-2:] == ["--quantize=eetq", "--name=oncofhir"]


def test_an_external_server_brings_no_gpu():
    assert "PersistentVolumeClaim" not in kinds(objects("minimal"))
    assert "nvidia.com/gpu" not in str(objects("external-model"))
