"""The bridge: off by default, authenticated, encrypted, and reached by senders alone."""

import pytest
from helm_python import HelmError

from oncofhir.settings import load
from tests.helm.charts import PROFILES, kinds, objects

SENDERS = [{"ipBlock": {"cidr": "192.0.2.16/32"}}]
ON = {
    "bridge": {"enabled": True, "from": SENDERS, "secret": {"name": "bridge"}},
    "allowPlaintext": ["kafka", "fhir", "model", "bridge"],
}


def with_bridge(**bridge):
    return objects(changes={**ON, "bridge": {**ON["bridge"], **bridge}})


def environment_of(found):
    (container,) = found[("Deployment", "oncofhir-bridge")]["spec"]["template"]["spec"][
        "containers"
    ]
    own = {each["name"]: each["value"] for each in container["env"]}
    return found[("ConfigMap", "oncofhir")]["data"] | own


@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "strict"])
def test_it_is_off_by_default(profile):
    assert not [name for _, name in objects(profile) if name.endswith("-bridge")]


@pytest.mark.parametrize("found", [with_bridge(), objects("strict")], ids=["minimal", "strict"])
def test_oncofhir_accepts_its_settings_and_finds_its_files(found, monkeypatch):
    environment = environment_of(found)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.bridge.authenticates
    spec = found[("Deployment", "oncofhir-bridge")]["spec"]["template"]["spec"]
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    mounted = {
        f"{mounts[volume['name']]}/{item['path']}"
        for volume in spec["volumes"]
        for item in volume.get("secret", {}).get("items", [])
    }
    wanted = {v for n, v in environment.items() if n.endswith("_FILE") and "MODEL" not in n}
    assert wanted == mounted


def test_a_sender_stays_on_one_replica():
    service = objects("strict")[("Service", "oncofhir-bridge")]["spec"]
    assert service["sessionAffinity"] == "ClientIP"
    assert [port["targetPort"] for port in service["ports"]] == ["notify"]
    assert ("PodDisruptionBudget", "oncofhir-bridge") in objects("strict")
    assert ("PodDisruptionBudget", "oncofhir-bridge") not in with_bridge()


def test_senders_alone_reach_it_and_it_reaches_no_model():
    policy = objects("strict")[("NetworkPolicy", "oncofhir-bridge")]["spec"]
    senders, scrapers = policy["ingress"]
    assert (senders["from"], senders["ports"]) == (SENDERS, [{"protocol": "TCP", "port": "notify"}])
    assert scrapers["ports"] == [{"protocol": "TCP", "port": "http"}]
    ports = [sorted({port["port"] for port in rule["ports"]}) for rule in policy["egress"]]
    assert ports == [[53], [9093], [443]]


def test_the_keys_of_the_issuer_are_reached():
    oauth = {
        "issuer": "https://issuer.example",
        "audience": "oncofhir",
        "jwksUrl": "https://issuer.example:8443/jwks",
        "to": [{"ipBlock": {"cidr": "192.0.2.99/32"}}],
    }
    found = with_bridge(oauth=oauth)
    rule = found[("NetworkPolicy", "oncofhir-bridge")]["spec"]["egress"][-1]
    assert (rule["to"], rule["ports"]) == (oauth["to"], [{"protocol": "TCP", "port": 8443}])


def test_strimzi_gives_it_an_identity_that_writes_the_inputs():
    strimzi = {"strimzi": {"enabled": True, "cluster": "c"}, "kafka": {"securityProtocol": "SSL"}}
    found = objects(changes={**ON, **strimzi})
    acls = found[("KafkaUser", "oncofhir-bridge")]["spec"]["authorization"]["acls"]
    assert {(a["resource"]["name"], a["operations"][0]) for a in acls} == {
        (topic, operation)
        for topic in ("fhir.diagnostic-report", "fhir.document-reference")
        for operation in ("Write", "Read")
    }
    volumes = found[("Deployment", "oncofhir-bridge")]["spec"]["template"]["spec"]["volumes"]
    secrets = {volume["name"]: volume.get("secret", {}).get("secretName") for volume in volumes}
    assert secrets["kafka-client"] == "oncofhir-bridge"


def test_metrics_are_found_where_monitoring_is_on():
    found = objects("strict")
    assert (
        found[("PodMonitor", "oncofhir-bridge")]["spec"]["podMetricsEndpoints"][0]["port"] == "http"
    )
    assert "PodMonitor" not in kinds(with_bridge())


WRONG = {
    "no authentication": ({"secret": {"name": ""}}, "no authentication"),
    "senders kept out": ({"from": []}, "name what may notify"),
    "client certificates without TLS": ({"tls": {"clientCaSecret": {"name": "ca"}}}, "set bridge.tls.secret.name"),
    "half of OAuth": ({"oauth": {"issuer": "https://i"}}, "bridge.oauth is incomplete"),
    "keys out of reach": (
        {"oauth": {"issuer": "https://i", "audience": "a", "jwksUrl": "https://i/jwks"}},
        "bridge.oauth.to is empty",
    ),
    "another variable": ({"env": {"PATH": "/"}}, "no setting of oncofhir"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_combinations_are_refused(name):
    bridge, said = WRONG[name]
    with pytest.raises(HelmError, match=said):
        with_bridge(**bridge)


def test_notifications_in_clear_are_refused():
    with pytest.raises(HelmError, match=r"set bridge\.tls\.secret\.name"):
        objects(changes={**ON, "allowPlaintext": ["kafka", "fhir", "model"]})


def test_an_anonymous_bridge_must_be_asked_for():
    found = with_bridge(secret={"name": ""}, env={"ONCOFHIR_BRIDGE__ALLOW_ANONYMOUS": "true"})
    assert environment_of(found)["ONCOFHIR_BRIDGE__ALLOW_ANONYMOUS"] == "true"
