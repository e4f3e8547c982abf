"""HL7 v2 over MLLP: off by default, authenticated, encrypted, and reached by senders alone."""

import pytest
from helm_python import HelmError

from oncofhir.settings import load
from tests.helm.charts import PROFILES, objects
from tests.helm.test_bridge import SENDERS as FHIR_SERVERS
from tests.helm.test_bridge import environment_of

SENDERS = [{"ipBlock": {"cidr": "192.0.2.32/32"}}]
TLS = {"secret": {"name": "mllp-tls"}, "clientCaSecret": {"name": "senders"}}
ON = {"enabled": True, "from": SENDERS, "tls": TLS}
PLAIN = ["kafka", "fhir", "model", "bridge"]
ANONYMOUS = {"env": {"ONCOFHIR_MLLP__ALLOW_ANONYMOUS": "true"}}


def with_mllp(mllp=None, plaintext=PLAIN, **bridge):
    bridge = {"enabled": True, "http": False, "mllp": {**ON, **(mllp or {})}, **bridge}
    return objects(changes={"bridge": bridge, "allowPlaintext": plaintext})


def container_of(found):
    return found[("Deployment", "oncofhir-bridge")]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("profile", PROFILES)
def test_it_is_off_by_default(profile):
    assert ("Service", "oncofhir-mllp") not in objects(profile)


@pytest.mark.parametrize(
    ("http", "arguments", "ports"),
    [
        (False, ["bridge", "--mllp"], {"mllp": 2575, "http": 8080}),
        (True, ["bridge", "--mllp", "--http"], {"notify": 8095, "mllp": 2575, "http": 8080}),
    ],
)
def test_it_listens_alone_or_beside_notifications(http, arguments, ports):
    found = with_mllp(http=http, secret={"name": "s"}, **{"from": FHIR_SERVERS})
    assert container_of(found)["args"] == arguments
    assert {p["name"]: p["containerPort"] for p in container_of(found)["ports"]} == ports
    assert (("Service", "oncofhir-bridge") in found) is http
    (port,) = found[("Service", "oncofhir-mllp")]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (2575, "mllp")


def test_oncofhir_accepts_its_settings_and_finds_its_files(monkeypatch):
    found = with_mllp(env={"ONCOFHIR_HL7V2__SYSTEMS": "HOSP=urn:oid:1.2.3.4"})
    for name, value in environment_of(found).items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.hl7v2.systems == "HOSP=urn:oid:1.2.3.4"
    volumes = found[("Deployment", "oncofhir-bridge")]["spec"]["template"]["spec"]["volumes"]
    mounted = {
        f"/etc/oncofhir/secrets/{volume['name']}/{item['path']}"
        for volume in volumes
        for item in volume.get("secret", {}).get("items", [])
    }
    mllp = settings.mllp
    assert mounted == {
        str(file) for file in (mllp.tls_cert_file, mllp.tls_key_file, mllp.tls_client_ca_file)
    }


def test_senders_alone_reach_it_and_it_reaches_kafka_alone():
    policy = with_mllp()[("NetworkPolicy", "oncofhir-bridge")]["spec"]
    (senders,) = policy["ingress"]
    assert senders == {"from": SENDERS, "ports": [{"protocol": "TCP", "port": "mllp"}]}
    ports = [sorted({port["port"] for port in rule["ports"]}) for rule in policy["egress"]]
    assert ports == [[53], [9092]]


def test_each_port_has_senders_of_its_own():
    found = with_mllp(http=True, secret={"name": "s"}, **{"from": FHIR_SERVERS})
    rules = found[("NetworkPolicy", "oncofhir-bridge")]["spec"]["ingress"]
    assert [(rule["from"], rule["ports"][0]["port"]) for rule in rules] == [
        (FHIR_SERVERS, "notify"),
        (SENDERS, "mllp"),
    ]


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_a_sender_from_outside_keeps_its_address_for_the_policy(kind):
    service = {"type": kind, "annotations": {"lb": "internal"}}
    found = with_mllp({"service": service})[("Service", "oncofhir-mllp")]
    assert found["spec"]["externalTrafficPolicy"] == "Local"
    assert found["metadata"]["annotations"] == {"lb": "internal"}
    within = with_mllp()[("Service", "oncofhir-mllp")]["spec"]
    assert "externalTrafficPolicy" not in within


def test_strimzis_user_may_write_what_was_refused():
    strimzi = {"strimzi": {"enabled": True, "cluster": "c"}, "kafka": {"securityProtocol": "SSL"}}
    bridge = {"enabled": True, "http": False, "mllp": ON}
    plain = {"allowPlaintext": ["fhir", "model"]}
    found = objects(changes={"bridge": bridge, **strimzi, **plain})
    acls = found[("KafkaUser", "oncofhir-bridge")]["spec"]["authorization"]["acls"]
    rights = {(acl["resource"]["name"], acl["operations"][0]) for acl in acls}
    assert ("oncology.dead-letters", "Write") in rights


WRONG = {
    "no authentication": ({"tls": {"secret": {"name": "t"}}}, {}, PLAIN, "MLLP has no authentication"),
    "in clear": ({"tls": {}}, ANONYMOUS, PLAIN, r"set bridge\.mllp\.tls\.secret\.name"),
    "client certificates without TLS": (
        {"tls": {"clientCaSecret": {"name": "ca"}}}, {}, [*PLAIN, "mllp"], "which need TLS"
    ),
    "senders kept out": ({"from": []}, {}, PLAIN, "name what may send"),
    "nothing to listen for": ({"enabled": False}, {}, PLAIN, "would listen for nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_combinations_are_refused(name):
    mllp, bridge, plaintext, said = WRONG[name]
    with pytest.raises(HelmError, match=said):
        with_mllp(mllp, plaintext, **bridge)


def test_anonymous_messages_in_clear_must_be_asked_for():
    found = with_mllp({"tls": {}}, [*PLAIN, "mllp"], **ANONYMOUS)
    assert environment_of(found)["ONCOFHIR_MLLP__ALLOW_ANONYMOUS"] == "true"
