"""The review page: off by default, behind a login, and reached through the ingress controller alone."""

import pytest
from helm_python import HelmError

from oncofhir.settings import load
from tests.helm.charts import PROFILES, kinds, objects

CONTROLLER = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
LOGIN = [{"ipBlock": {"cidr": "192.0.2.18/32"}}]
ON = {
    "review": {
        "enabled": True,
        "publicUrl": "https://review.hospital.example",
        "oidc": {
            "issuer": "https://login.hospital.example/realms/hospital",
            "clientId": "oncofhir-review",
            "clientSecret": {"name": "oncofhir-review-oidc"},
        },
        "sessionKeySecret": {"name": "oncofhir-review-session"},
        "from": CONTROLLER,
        "to": LOGIN,
    },
}


def with_review(**review):
    return objects(changes={"review": {**ON["review"], **review}})


@pytest.mark.parametrize("profile", PROFILES)
def test_it_is_off_by_default(profile):
    assert not [name for _, name in objects(profile) if name.endswith("-review")]


def test_oncofhir_accepts_its_settings_and_finds_its_files(monkeypatch):
    found = with_review()
    spec = found[("Deployment", "oncofhir-review")]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    environment = found[("ConfigMap", "oncofhir")]["data"] | {
        each["name"]: each["value"] for each in container["env"]
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.review.requires_login
    assert settings.review.public_url == "https://review.hospital.example"
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    mounted = {
        f"{mounts[volume['name']]}/{item['path']}"
        for volume in spec["volumes"]
        for item in volume.get("secret", {}).get("items", [])
    }
    wanted = {
        value
        for name, value in environment.items()
        if name.endswith("_FILE") and "MODEL" not in name and "INDEX" not in name
    }
    assert wanted == mounted
    assert str(settings.worklist.index_file).startswith(mounts["index"])


def test_the_ingress_serves_the_host_of_the_public_url_with_tls():
    spec = with_review()[("Ingress", "oncofhir-review")]["spec"]
    assert spec["rules"][0]["host"] == "review.hospital.example"
    assert spec["tls"] == [{"hosts": ["review.hospital.example"]}]
    assert ("Ingress", "oncofhir-review") not in with_review(ingress={"enabled": False})


def test_the_ingress_controller_alone_reaches_it():
    policy = with_review()[("NetworkPolicy", "oncofhir-review")]["spec"]
    assert policy["ingress"] == [
        {"from": CONTROLLER, "ports": [{"protocol": "TCP", "port": "page"}]}
    ]
    assert {"to": LOGIN, "ports": [{"protocol": "TCP", "port": 443}]} in policy["egress"]


def test_probes_ask_under_a_name_that_the_page_answers_to():
    spec = with_review()[("Deployment", "oncofhir-review")]["spec"]["template"]["spec"]
    for probe in ("livenessProbe", "readinessProbe"):
        get = spec["containers"][0][probe]["httpGet"]
        assert get["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"oidc": {"issuer": ""}}, "review.oidc.issuer"),
        ({"oidc": {"issuer": "https://l.example", "clientId": ""}}, "review.oidc.clientId"),
        ({"smart": {"issuers": "https://ehr.example/fhir"}}, "review.smart.clientId"),
        ({"publicUrl": ""}, "review.publicUrl"),
        ({"publicUrl": "http://review.hospital.example"}, "unencrypted"),
        ({"sessionKeySecret": {"name": ""}}, "review.sessionKeySecret"),
        ({"from": []}, "review.from"),
        ({"to": []}, "review.to"),
        ({"env": {"LOG": "x"}}, "review.env.LOG"),
    ],
)
def test_what_would_not_work_is_refused(change, named):
    with pytest.raises(HelmError, match=named):
        with_review(**change)


def test_one_page_publishes_what_people_changed():
    assert "Deployment" in kinds(with_review())
    assert with_review()[("Deployment", "oncofhir-review")]["spec"]["replicas"] == 1


def test_its_metrics_are_scraped_where_the_policy_lets_them_be():
    prometheus = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    found = objects(
        changes={
            **ON,
            "monitoring": {"kind": "service"},
            "networkPolicy": {"metricsFrom": prometheus},
        }
    )
    spec = found[("Deployment", "oncofhir-review")]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert container["args"] == ["review", "--metrics-port", str(ports["http"])]
    (endpoint,) = found[("PodMonitor", "oncofhir-review")]["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")
    policy = found[("NetworkPolicy", "oncofhir-review")]["spec"]
    assert {"from": prometheus, "ports": [{"protocol": "TCP", "port": "http"}]} in policy["ingress"]
