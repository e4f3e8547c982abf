"""What the settings make of the rooms."""

import pytest

from oncofhir.consumers.composition.pipeline import output_options, output_settings_sha256
from oncofhir.settings import load


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OBSERVATION_STATUS", "registered"),
        ("VERIFICATION_STATUS", "provisional"),
        ("CONDITION_CATEGORY", "problem-list-item"),
        ("STAGING_SYSTEM", "ajcc-8"),
    ],
)
def test_what_is_chosen_of_the_output_reaches_it_and_makes_another_run(
    monkeypatch, variable, value
):
    usual = load()
    monkeypatch.setenv(f"ONCOFHIR_FHIR__{variable}", value)
    changed = load()
    assert getattr(output_options(changed.fhir), variable.lower()) == value
    assert output_options(changed.fhir) != output_options(usual.fhir)
    assert output_settings_sha256(changed) != output_settings_sha256(usual)


def test_the_default_said_aloud_is_the_same_run(monkeypatch):
    usual = output_settings_sha256(load())
    monkeypatch.setenv("ONCOFHIR_FHIR__OBSERVATION_STATUS", "preliminary")
    monkeypatch.setenv("ONCOFHIR_FHIR__CONDITION_CATEGORY", "health-concern")
    assert output_settings_sha256(load()) == usual
