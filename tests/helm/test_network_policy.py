"""Every pod is restricted to exactly what it needs."""

import pytest

from tests.helm.charts import PROFILES, kinds, objects, pod_of


def policies(profile="minimal", changes=None):
    found = objects(profile, changes)
    return {
        name.removeprefix("oncofhir-"): o["spec"]
        for (k, name), o in found.items()
        if k == "NetworkPolicy"
    }


def reached(spec):
    """What egress allows: (peers, TCP ports) of each rule."""
    rules = []
    for rule in spec["egress"]:
        assert rule["to"], "a rule without peers would allow every address"
        assert rule["ports"], "a rule without ports would allow every port"
        rules.append((rule["to"], sorted({port["port"] for port in rule["ports"]})))
    return rules


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_has_a_policy_for_both_directions(profile):
    found = objects(profile)
    selectors = [
        o["spec"]["podSelector"]["matchLabels"]
        for (k, _), o in found.items()
        if k == "NetworkPolicy"
    ]
    for each in found.values():
        if pod_of(each) is None:
            continue
        metadata = (
            each["metadata"] if each["kind"] == "Pod" else each["spec"]["template"]["metadata"]
        )
        matching = [s for s in selectors if s.items() <= metadata["labels"].items()]
        assert len(matching) == 1, each["metadata"]["name"]
    for spec in policies(profile).values():
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        reached(spec)


def test_the_worker_reaches_dns_kafka_fhir_and_model_and_nothing_else():
    def namespace(name):
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]

    rules = reached(policies()["worker"])
    assert [ports for _, ports in rules] == [[53], [9092], [8080], [8080]]
    assert [to for to, _ in rules[1:]] == [
        namespace("kafka"),
        namespace("fhir"),
        namespace("models"),
    ]
    assert rules[0][0][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


def test_the_worker_reaches_the_collector_where_it_sends_traces():
    monitoring = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    assert reached(policies("gpu-tgi")["worker"])[-1] == (monitoring, [4318])


def test_dns_is_reached_over_both_protocols():
    rule = policies()["worker"]["egress"][0]
    assert {port["protocol"] for port in rule["ports"]} == {"UDP", "TCP"}


def test_ports_come_from_the_addresses_unless_they_are_given():
    assert [ports for _, ports in reached(policies("strict")["worker"])] == [
        [53],
        [9093],
        [443],
        [8443],
    ]
    assert [ports for _, ports in reached(policies("air-gapped")["worker"])][2] == [8443]


def test_nothing_comes_in_but_metrics():
    assert policies()["worker"]["ingress"] == []
    ingress = policies("strict")["worker"]["ingress"]
    assert [rule["ports"] for rule in ingress] == [[{"protocol": "TCP", "port": "http"}]]
    assert ingress[0]["from"][0]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "prometheus"
    }


@pytest.mark.parametrize("profile", ["gpu-tgi", "vllm", "air-gapped"])
def test_the_model_server_reaches_nothing_and_is_reached_by_workers(profile):
    found = policies(profile)
    assert found["model"]["egress"] == []
    peers = found["model"]["ingress"][0]["from"]
    assert peers[0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"
    assert [ports for _, ports in reached(found["worker"])][3] == [8443]


def test_the_jobs_do_not_reach_the_model():
    found = policies("external-model")
    assert [ports for _, ports in reached(found["topics"])] == [[53], [9093]]
    assert [ports for _, ports in reached(found["smoke-test"])] == [[53], [9093], [443]]


def test_it_can_be_switched_off_and_then_needs_no_peers():
    off = {
        "networkPolicy": {
            "enabled": False,
            "kafka": {"to": []},
            "fhir": {"to": []},
            "model": {"to": []},
        }
    }
    assert "NetworkPolicy" not in kinds(objects(changes=off))


def test_worker_and_bridge_reach_the_collector_that_they_send_spans_to():
    collector = [{"podSelector": {"matchLabels": {"app": "collector"}}}]
    changes = {
        "tracing": {"endpoint": "http://collector:4318"},
        "networkPolicy": {"tracing": {"to": collector}},
        "bridge": {"enabled": True, "from": collector, "secret": {"name": "bridge"}},
        "allowPlaintext": ["kafka", "fhir", "model", "bridge"],
    }
    found = policies("minimal", changes)
    for component in ("worker", "bridge"):
        assert (collector, [4318]) in reached(found[component])
    assert all(to != collector for to, _ in reached(found["topics"]))
