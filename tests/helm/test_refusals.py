"""What must not be installed is refused while rendering, with a message that names the remedy."""

import pytest
from helm_python import HelmError

from tests.helm.charts import objects, values

WRONG = {
    "no image": ("minimal", {"image": {"repository": ""}}, "set image.repository"),
    "no broker": ("minimal", {"kafka": {"bootstrapServers": ""}}, "set it to host:port of your brokers"),
    "no store": ("minimal", {"fhir": {"baseUrl": ""}}, "set it to the base URL"),
    "no identifier system": ("minimal", {"fhir": {"identifierSystem": ""}}, "set it to a URI that you own"),
    "broker in clear": ("minimal", {"allowPlaintext": ["fhir", "model"]}, "set it to SSL or SASL_SSL"),
    "store in clear": ("minimal", {"allowPlaintext": ["kafka", "model"]}, "use an https:// URL"),
    "model in clear": ("minimal", {"allowPlaintext": ["kafka", "fhir"]}, "use an https:// URL"),
    "model server in clear": (
        "vllm", {"model": {"server": {"tls": {"secretName": ""}}}}, "set model.server.tls.secretName"
    ),
    "source in clear": (
        "external-model",
        {"fhir": {"sourceBaseUrl": "http://ehr.example/fhir"}, "smokeTest": {"enabled": False}},
        "use an https:// URL",
    ),
    "SASL without password": (
        "external-model", {"kafka": {"sasl": {"passwordSecret": {"name": ""}}}}, "set kafka.sasl.mechanism"
    ),
    "SASL ignored": ("external-model", {"kafka": {"securityProtocol": "SSL"}}, "set kafka.securityProtocol to SASL_SSL"),
    "TLS ignored": (
        "strict", {"kafka": {"securityProtocol": "PLAINTEXT"}, "allowPlaintext": ["kafka"]}, "or empty kafka.tls"
    ),
    "source token without source": (
        "minimal", {"fhir": {"sourceTokenSecret": {"name": "x"}}}, "set fhir.sourceBaseUrl"
    ),
    "half of SMART": ("minimal", {"fhir": {"smart": {"clientId": "x"}}}, "set fhir.smart.clientId and"),
    "SMART and a token": ("strict", {"fhir": {"tokenSecret": {"name": "x"}}}, "or empty fhir.smart"),
    "no model": ("minimal", {"model": {"external": {"url": ""}}}, "set model.kind to tgi or vllm"),
    "two models": ("vllm", {"model": {"external": {"url": "https://m"}}}, "empty model.external.url"),
    "TGI that starts as root only": (
        "gpu-tgi",
        {"model": {"server": {"image": {"repository": "ghcr.io/huggingface/text-generation-inference"}}}},
        "build image/tgi/Containerfile",
    ),
    "a server that is not run": (
        "strict", {"model": {"server": {"weights": {"claimName": "w"}}}}, "set model.kind to tgi or vllm"
    ),
    "server without image": ("vllm", {"model": {"server": {"image": {"repository": ""}}}}, "set model.server.image.repository"),
    "server of any version": ("vllm", {"model": {"server": {"image": {"tag": ""}}}}, "set model.server.image.digest"),
    "server without weights": ("vllm", {"model": {"server": {"weights": {"claimName": ""}}}}, "create a PersistentVolumeClaim"),
    "no room for an answer": ("gpu-tgi", {"model": {"server": {"maxInputTokens": 2048}}}, "set model.server.maxTotalTokens"),
    "TGI without a proxy": (
        "gpu-tgi", {"model": {"server": {"tls": {"proxyImage": {"repository": ""}}}}}, "proxyImage.repository to an image"
    ),
    "proxy of any version": (
        "gpu-tgi", {"model": {"server": {"tls": {"proxyImage": {"tag": ""}}}}}, "set model.server.tls.proxyImage.digest"
    ),
    "more workers than partitions": ("minimal", {"worker": {"replicas": 9}}, "lower it, or add partitions"),
    "scaling above partitions": ("vllm", {"autoscaling": {"maxReplicas": 9}}, "lower it, or add partitions"),
    "fewest above most": ("vllm", {"autoscaling": {"minReplicas": 8, "maxReplicas": 4}}, "lower the one or raise the other"),
    "fallback above most": ("vllm", {"autoscaling": {"fallbackReplicas": 9}}, "at most autoscaling.maxReplicas"),
    "policy without broker": ("minimal", {"networkPolicy": {"kafka": {"to": []}}}, "networkPolicy.enabled to false"),
    "policy without store": ("minimal", {"networkPolicy": {"fhir": {"to": []}}}, "networkPolicy.enabled to false"),
    "policy without model": ("minimal", {"networkPolicy": {"model": {"to": []}}}, "networkPolicy.enabled to false"),
    "a collector that is cut off": ("minimal", {"tracing": {"endpoint": "http://c:4318"}}, "networkPolicy.tracing.to"),
    "metrics without a collector": ("minimal", {"tracing": {"metrics": True}}, "set tracing.endpoint"),
    "Prometheus kept out": ("minimal", {"monitoring": {"kind": "pod"}}, "name its namespace in networkPolicy.metricsFrom"),
    "Strimzi of no cluster": ("gpu-tgi", {"strimzi": {"cluster": ""}}, "set it to the name of your Kafka resource"),
    "Strimzi without TLS": (
        "minimal", {"strimzi": {"enabled": True, "cluster": "c"}}, "set it to SSL, with a listener of type tls"
    ),
    "Strimzi elsewhere": ("gpu-tgi", {"strimzi": {"namespace": "kafka"}}, "set kafka.tls.clientSecret and kafka.tls.caSecret"),
    "smoke test of another source": (
        "external-model", {"fhir": {"sourceBaseUrl": "https://ehr.example/fhir"}}, "set smokeTest.enabled to false"
    ),
    "no setting": ("minimal", {"worker": {"env": {"HTTP_PROXY": "x"}}}, "put it into worker.extraEnv"),
    "a secret in clear": ("minimal", {"worker": {"env": {"ONCOFHIR_FHIR_TOKEN": "x"}}}, "put it into a Secret"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_combinations_are_refused(case):
    profile, changes, remedy = WRONG[case]
    with pytest.raises(HelmError) as refused:
        objects(profile, changes)
    assert remedy in str(refused.value)


@pytest.mark.parametrize("case", WRONG)
def test_the_profile_alone_is_accepted(case):
    assert objects(WRONG[case][0])


def test_nothing_set_says_what_to_set_first():
    from helm.check.rendering import rendered

    with pytest.raises(HelmError, match=r"image\.repository is empty"):
        rendered({})


def test_plaintext_is_possible_where_it_is_allowed():
    assert values()["allowPlaintext"] == ["kafka", "fhir", "model"]
    assert objects()
