"""How `oncofhir worker` ends: its exit status says why, and nothing of a report is in what it says."""

import pytest
from typer.testing import CliRunner

from oncofhir.cli.main import app
from oncofhir.consumers.worker import Worker
from oncofhir.schemas.errors import AccessDenied, TooManyDeadLetters
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError
from tests.builders import CANARY


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (None, 0),
        (TooManyDeadLetters(Reason.TOO_MANY_DEAD_LETTERS), 1),
        (ValueError(CANARY), 1),
        (SettingsError("topics are missing"), 2),
        (AccessDenied(Reason.STORE_ACCESS_DENIED), 3),
    ],
)
def test_exit_statuses(monkeypatch, cause, status):
    async def run(self):
        if cause is not None:
            raise cause

    monkeypatch.setattr(Worker, "run", run)
    monkeypatch.setenv("ONCOFHIR_MODEL__URL", "http://tgi:8080")
    ended = CliRunner().invoke(app, ["worker"])
    assert ended.exit_code == status
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    assert CANARY not in ended.output
    if cause is not None:
        assert type(cause).__name__ in ended.output or str(cause) in ended.output


@pytest.mark.parametrize(
    ("url", "port", "status"),
    [
        (None, None, 2),
        ("http://localhost:8080", "8080", 2),
        ("http://tgi:8080 http://127.0.0.1:9000/x", "9000", 2),
        ("http://127.0.0.1", "80", 2),
        ("http://localhost:8080", "8081", 0),
        ("http://tgi:8080", None, 0),
    ],
)
def test_a_worker_is_not_its_own_model_server(monkeypatch, url, port, status):
    async def run(self):
        pass

    monkeypatch.setattr(Worker, "run", run)
    for name, value in (("MODEL__URL", url), ("HTTP__PORT", port)):
        if value is not None:
            monkeypatch.setenv(f"ONCOFHIR_{name}", value)
    ended = CliRunner().invoke(app, ["worker"])
    assert ended.exit_code == status
    assert ("ONCOFHIR_MODEL__URL" in ended.output) == (status == 2)


def test_a_bare_worker_says_which_setting_is_missing(monkeypatch):
    ended = CliRunner().invoke(app, ["worker"])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(
        "oncofhir: set ONCOFHIR_MODEL__URL to the URL of the model server."
    )


@pytest.mark.parametrize(("system", "warned"), [(None, True), ("https://h.example/sid", False)])
def test_a_worker_on_the_placeholder_of_identifiers_says_so(monkeypatch, system, warned):
    async def run(self):
        pass

    monkeypatch.setattr(Worker, "run", run)
    monkeypatch.setenv("ONCOFHIR_MODEL__URL", "http://tgi:8080")
    if system is not None:
        monkeypatch.setenv("ONCOFHIR_FHIR__IDENTIFIER_SYSTEM", system)
    said = CliRunner().invoke(app, ["worker"]).output
    assert ("ONCOFHIR_FHIR__IDENTIFIER_SYSTEM" in said) == warned
