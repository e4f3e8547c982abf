"""Settings that were renamed are still read, under a warning that names the new one."""

import os

import pytest
from typer.testing import CliRunner

from oncofhir.cli.main import app
from oncofhir.settings import (
    PREFIX,
    SettingsError,
    deprecated_in_use,
    describe_settings,
    known_variables,
    load,
)
from oncofhir.settings.aliases import RENAMED, VARIABLES
from oncofhir.settings.base import variable_of

VALUES = {
    "kafka.diagnostic_report_history_topic": ("old-reports", "old-reports"),
    "kafka.document_reference_history_topic": ("old-documents", "old-documents"),
    "kafka.history_rests_above": ("3", 3),
    "kafka.max_replay_records": ("7", 7),
    "model.min_confidence": ('{"diagnosis": 0.5}', {"diagnosis": 0.5}),
    "intake.fetch_seconds": ("9.5", 9.5),
    "parsing.seconds": ("4.5", 4.5),
    "parsing.documents_a_child": ("11", 11),
    "retry.first_delay_seconds": ("0.25", 0.25),
    "retry.longest_delay_seconds": ("12.0", 12.0),
    "retry.give_up_seconds": ("77.0", 77.0),
    "retry.breaker_threshold": ("6", 6),
    "retry.dead_letters_in_a_row": ("21", 21),
    "retry.dead_letter_share": ("0.25", 0.25),
    "drain_seconds": ("33.0", 33.0),
}


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch):
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def value_of(settings, dotted):
    for part in dotted.split("."):
        settings = getattr(settings, part)
    return settings


def toml(dotted, text):
    *groups, key = dotted.split(".")
    literal = text.replace(":", " =") if text.startswith("{") else text
    literal = literal if literal[0] in "{0123456789" else f'"{literal}"'
    return "".join(f"[{group}]\n" for group in groups) + f"{key} = {literal}\n"


def test_every_new_name_is_a_setting_and_no_old_one_is():
    known = known_variables()
    assert set(VALUES) == set(RENAMED)
    assert {variable_of(new) for new in RENAMED.values()} <= set(known)
    assert not set(VARIABLES) & set(known)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_variable_sets_the_new_setting(monkeypatch, old):
    text, value = VALUES[old]
    monkeypatch.setenv(variable_of(old), text)
    settings = load()
    assert value_of(settings, RENAMED[old]) == value
    assert deprecated_in_use() == ((variable_of(old), variable_of(RENAMED[old])),)
    sources = {row["variable"]: row["source"] for row in describe_settings(settings)}
    assert sources[variable_of(RENAMED[old])] == "environment"


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_of_the_file_sets_the_new_setting(monkeypatch, tmp_path, old):
    text, value = VALUES[old]
    file = tmp_path / "oncofhir.toml"
    file.write_text(toml(old, text))
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    assert value_of(load(), RENAMED[old]) == value
    assert deprecated_in_use() == ((old, RENAMED[old]),)


def test_the_environment_wins_over_the_file_whatever_the_names(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text("[kafka]\nhistory_rests_above = 3\n")
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    monkeypatch.setenv("ONCOFHIR_KAFKA__BACKFILL_PAUSE_ABOVE", "5")
    assert load().kafka.backfill_pause_above == 5
    file.write_text("[kafka]\nbackfill_pause_above = 3\n")
    monkeypatch.delenv("ONCOFHIR_KAFKA__BACKFILL_PAUSE_ABOVE")
    monkeypatch.setenv("ONCOFHIR_KAFKA__HISTORY_RESTS_ABOVE", "5")
    assert load().kafka.backfill_pause_above == 5


def test_an_old_and_its_new_name_together_are_refused(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text("[parsing]\nseconds = 3.0\ntimeout_seconds = 4.0\n")
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    with pytest.raises(SettingsError, match=r"oncofhir\.toml: parsing\.seconds was renamed to"):
        load()
    monkeypatch.delenv("ONCOFHIR_CONFIG")
    monkeypatch.setenv("ONCOFHIR_DRAIN_SECONDS", "1")
    monkeypatch.setenv("ONCOFHIR_SHUTDOWN_TIMEOUT_SECONDS", "2")
    with pytest.raises(SettingsError, match="remove ONCOFHIR_DRAIN_SECONDS"):
        load()


def test_a_command_warns_of_an_old_name_once_and_names_the_new_one(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_RETRY__BREAKER_THRESHOLD", "6")
    ended = CliRunner().invoke(app, ["config", "show"])
    assert ended.exit_code == 0
    assert ended.stderr == (
        "oncofhir: ONCOFHIR_RETRY__BREAKER_THRESHOLD was renamed to "
        "ONCOFHIR_RETRY__CIRCUIT_BREAKER_THRESHOLD; the old name still works: change it\n"
    )
