"""No settings from outside reach a test."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ONCOFHIR_")]:
        monkeypatch.delenv(name)
