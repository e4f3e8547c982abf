"""How `oncofhir worker` ends: its exit status says why, and nothing of a report is in what it says."""

import pytest
from typer.testing import CliRunner

from oncofhir.cli.main import app
from oncofhir.consumers.worker import Worker
from oncofhir.schemas.errors import AccessDenied, TooManyDeadLetters
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError
from tests.reports import CANARY


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
    ended = CliRunner().invoke(app, ["worker"])
    assert ended.exit_code == status
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    assert CANARY not in ended.output
    if cause is not None:
        assert type(cause).__name__ in ended.output or str(cause) in ended.output
