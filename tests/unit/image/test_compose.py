"""compose.yaml: settings that exist, commands that exist, nothing reachable from outside; no engine is needed."""

import re

import pytest
import yaml
from typer.main import get_command

from image.tree import CONTEXT
from oncofhir.cli.main import app
from oncofhir.settings import load

COMPOSE = yaml.safe_load((CONTEXT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OWN = {name for name, each in SERVICES.items() if "build" in each}


def test_every_image_can_be_replaced():
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-[^}]+:[^}]+\}", service["image"]), name


@pytest.mark.parametrize("name", sorted(OWN))
def test_commands_exist(name):
    command = get_command(app)
    for word in SERVICES[name]["command"]:
        commands = getattr(command, "commands", None)
        if commands is None:
            break
        command = commands[word]


@pytest.mark.parametrize("name", ["topics", "worker"])
def test_settings_are_accepted(name, monkeypatch):
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = load()
    assert settings.model.prompt_set == "oncofhir-small"
    hosts = {
        settings.kafka.bootstrap_servers.partition(":")[0],
        settings.fhir.base_url.split("/")[2].partition(":")[0],
        settings.model.url.split("/")[2].partition(":")[0],
    }
    assert hosts <= set(SERVICES)


def test_ports_are_those_of_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_is_depended_on_and_mounted_is_defined():
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        assert {each["source"] for each in service.get("configs", ())} <= set(COMPOSE["configs"])


def test_the_configuration_files_are_yaml():
    for each in COMPOSE["configs"].values():
        content = each["content"] if "content" in each else (CONTEXT / each["file"]).read_text()
        assert isinstance(yaml.safe_load(content), dict)


def test_the_review_page_reaches_what_is_published_on_the_host():
    environment = SERVICES["review"]["environment"]
    assert SERVICES["review"]["network_mode"] == "host"
    published = {p.rsplit(":", 1)[0] for s in SERVICES.values() for p in s.get("ports", ())}
    assert environment["ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS"] in published
    assert environment["ONCOFHIR_FHIR__BASE_URL"].split("/")[2] in published
    advertised = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"HOST://{environment['ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS']}" in advertised.split(",")


def test_what_the_image_of_the_model_is_built_from_is_in_the_build_context():
    named = re.findall(r"--constraint (\S+)", SERVICES["model"]["build"]["dockerfile_inline"])
    assert named
    assert {f"!{name}" for name in named} <= set((CONTEXT / ".dockerignore").read_text().split())
