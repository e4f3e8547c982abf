"""TGI or vLLM on a GPU, or neither."""

import os
import subprocess

import pytest

from oncofhir.inference.clients.identity import model_identity
from tests.helm.charts import PROFILES, kinds, objects, pod_of, values

NAME = "oncofhir-model"
DIGEST = "0123456789abcdef" * 4
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
    assert 'ln -sfn /weights "/tmp/model/$name"' in container("gpu-tgi")["command"][2]
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


def run_command(profile, changes, tmp_path):
    """Run a model container's own script with a server that prints its arguments."""
    if "digest" not in changes["model"]["server"]:
        (tmp_path / "digest").write_text(DIGEST)
    for name in ("vllm", "text-generation-launcher"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$@"\n')
        (tmp_path / name).chmod(0o755)
    script = container(profile, changes)["command"]
    found = (
        script[2].replace("/identity/", f"{tmp_path}/").replace("/tmp/model", f"{tmp_path}/model")
    )
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*script[:2], found, *script[3:], "--more"],
        env=path,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("server", [{}, {"digest": "ab" * 32}])
def test_the_name_of_the_model_holds_the_digest_of_its_weights(server, tmp_path):
    digest = server.get("digest", DIGEST)
    changes = {"model": {"server": {"name": "cancer-x", **server}}}
    assert run_command("vllm", changes, tmp_path) == (
        f"serve /weights --served-model-name=cancer-x@sha256-{digest} --more"
    )
    tgi = run_command("gpu-tgi", changes, tmp_path)
    assert tgi == f"--model-id={tmp_path}/model/cancer-x@sha256-{digest} --more"
    identity = model_identity(tgi.split()[0].partition("=")[2], None, server="s")
    assert (identity.name, identity.digest) == ("cancer-x", digest)


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm"])
def test_the_digest_is_computed_before_serving_unless_it_is_given(profile):
    (init,) = pod_of(model(profile))["initContainers"]
    assert init["args"] == ["model", "digest", "/weights", "--out", "/identity/digest"]
    assert init["image"].startswith("registry.hospital.example/oncofhir@sha256:")
    given = {"model": {"server": {"digest": "ab" * 32}}}
    assert "initContainers" not in pod_of(model(profile, given))
    assert "identity" not in {v["name"] for v in pod_of(model(profile, given))["volumes"]}


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm"])
def test_the_working_directory_can_be_written_and_the_user_has_a_name(profile):
    """TGI writes its tokenizer to ./out and answers wrong offsets where it cannot."""
    found = container(profile)
    assert found["workingDir"] == "/tmp"
    assert {"name": "tmp", "mountPath": "/tmp"} in found["volumeMounts"]
    assert {"name": "USER", "value": "model"} in found["env"]


def test_number_format_and_quantization():
    changes = {"model": {"server": {"dtype": "bfloat16", "quantization": "fp8"}}}
    assert {"--dtype=bfloat16", "--quantize=fp8"} <= set(container("gpu-tgi", changes)["args"])
    assert {"--dtype=bfloat16", "--quantization=fp8"} <= set(container("vllm", changes)["args"])


def test_what_the_site_says_of_an_external_model():
    changes = {"model": {"external": {"name": "cancerllm", "digest": DIGEST}}}
    data = objects("external-model", changes)[("ConfigMap", "oncofhir")]["data"]
    assert data["ONCOFHIR_MODEL__NAME"] == "cancerllm"
    assert data["ONCOFHIR_MODEL__DIGEST"] == DIGEST
    assert "ONCOFHIR_MODEL__ALLOW_UNDETERMINED_DIGEST" not in data


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
