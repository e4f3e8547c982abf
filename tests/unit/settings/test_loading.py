import pytest

from oncofhir import settings as module
from oncofhir.settings import (
    FhirSettings,
    KafkaSettings,
    Settings,
    SettingsError,
    WriteMode,
    describe_settings,
    known_variables,
    load,
    read_secret,
    refuse_shared_topics,
)


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch):
    import os

    for name in [name for name in os.environ if name.startswith(module.PREFIX)]:
        monkeypatch.delenv(name)


def test_environment_wins_over_file(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text('[kafka]\ngroup_id = "from-file"\nclient_id = "from-file"\n')
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    monkeypatch.setenv("ONCOFHIR_KAFKA__GROUP_ID", "from-environment")
    settings = load()
    assert settings.kafka.group_id == "from-environment"
    assert settings.kafka.client_id == "from-file"
    source = {row["variable"]: row["source"] for row in describe_settings(settings)}
    assert source["ONCOFHIR_KAFKA__GROUP_ID"] == "environment"
    assert source["ONCOFHIR_KAFKA__CLIENT_ID"] == "file"
    assert source["ONCOFHIR_FHIR__BASE_URL"] == "default"


def test_unknown_variable_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_KAFKA__GROUPID", "x")
    with pytest.raises(
        SettingsError, match=r"KAFKA__GROUPID .did you mean ONCOFHIR_KAFKA__GROUP_ID"
    ):
        load()


def test_unknown_key_in_file_is_refused(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text('[kafka]\ngroupid = "x"\n')
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    with pytest.raises(
        SettingsError, match=r"unknown key \[kafka\] groupid .did you mean kafka.group_id"
    ):
        load()


def test_an_unknown_key_at_the_top_of_a_file_is_named_as_it_stands_there(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text('foo = "x"\n')
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    with pytest.raises(SettingsError, match=r"oncofhir\.toml: unknown key foo$"):
        load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ONCOFHIR_FHIR__BASE_URL", "ftp://secret-host/x"),
        ("ONCOFHIR_MODEL__API", "secret-api"),
        ("ONCOFHIR_KAFKA__MAX_IN_FLIGHT_RECORDS", "-42"),
    ],
)
def test_invalid_value_names_the_variable_and_not_the_value(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        load()
    assert variable in str(raised.value)
    assert value not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("OBSERVATION_STATUS", "final", "'preliminary' or 'registered'"),
        ("VERIFICATION_STATUS", "confirmed", "'unconfirmed', 'provisional' or 'differential'"),
        ("CONDITION_CATEGORY", "encounter-diagnosis", "'health-concern' or 'problem-list-item'"),
        ("STAGING_SYSTEM", "ajcc", "'ajcc-6', 'ajcc-7', 'ajcc-8', 'ajcc-9' or 'uicc'"),
    ],
)
def test_what_the_output_may_not_be_is_refused_with_what_it_may(
    monkeypatch, variable, value, allowed
):
    """Nothing that claims a review, and nothing that the profiles do not take."""
    monkeypatch.setenv(f"ONCOFHIR_FHIR__{variable}", value)
    with pytest.raises(SettingsError) as raised:
        load()
    assert f"ONCOFHIR_FHIR__{variable}" in str(raised.value)
    assert allowed in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"HTTP__PORT": "70000"}, "ONCOFHIR_HTTP__PORT: must be at most 65535"),
        ({"LOG__LEVEL": "loud"}, "ONCOFHIR_LOG__LEVEL: must be DEBUG or INFO or WARNING or ERROR"),
        (
            {"WORKLIST__POLL_SECONDS": "inf"},
            "ONCOFHIR_WORKLIST__POLL_SECONDS: must be a finite number",
        ),
        (
            {"KAFKA__BOOTSTRAP_SERVERS": " , "},
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS: host:port of a broker is needed",
        ),
        ({"KAFKA__GROUP_ID": ""}, "ONCOFHIR_KAFKA__GROUP_ID: must have at least 1 character"),
        (
            {"KAFKA__OUTCOME_TOPIC": "a b"},
            "ONCOFHIR_KAFKA__OUTCOME_TOPIC: a topic name has 1 to 249 letters, digits, '.', '_' or '-'",
        ),
        (
            {"INTAKE__LANGUAGES": "en"},
            'ONCOFHIR_INTAKE__LANGUAGES: must be a list in JSON: ["a", "b"]',
        ),
        (
            {"MODEL__MINIMUM_CONFIDENCE_BY_KIND": "0.5x"},
            'ONCOFHIR_MODEL__MINIMUM_CONFIDENCE_BY_KIND: must be an object in JSON: {"key": value}',
        ),
        (
            {"MODEL__MINIMUM_CONFIDENCE_BY_KIND": '{"tumor-size": 3}'},
            "ONCOFHIR_MODEL__MINIMUM_CONFIDENCE_BY_KIND: tumor-size: must be at most 1",
        ),
        (
            {"KAFKA__ROW_FORMAT": "avro"},
            "ONCOFHIR_KAFKA__ROW_FORMAT avro needs ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL",
        ),
        (
            {"FHIR__SOURCE_KEY_FILE": "/x"},
            "ONCOFHIR_FHIR__SOURCE_KEY_FILE needs ONCOFHIR_FHIR__SOURCE_CERT_FILE",
        ),
        (
            {"FHIR__CLIENT_ID": "x"},
            "ONCOFHIR_FHIR__CLIENT_ID and ONCOFHIR_FHIR__PRIVATE_KEY_FILE belong together",
        ),
    ],
)
def test_a_message_names_each_setting_as_it_is_set(monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(f"ONCOFHIR_{name}", value)
    with pytest.raises(SettingsError) as raised:
        load()
    assert str(raised.value) == message


def test_missing_file_and_broken_file_are_errors(monkeypatch, tmp_path):
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="file not found"):
        load()
    broken = tmp_path / "broken.toml"
    broken.write_text("[kafka\n")
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(broken))
    with pytest.raises(SettingsError, match=r"not valid TOML: .*broken.toml, at .* 1, column"):
        load()
    broken.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"not valid TOML: .*broken.toml is not UTF-8"):
        load()


def test_userinfo_of_a_url_is_not_shown(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_FHIR__BASE_URL", "https://user:hunter2@fhir.example.org/fhir")
    assert "hunter2" not in str(describe_settings(load()))


def test_contract_names_exist():
    promised = [
        "KAFKA__BOOTSTRAP_SERVERS",
        "KAFKA__GROUP_ID",
        "KAFKA__DIAGNOSTIC_REPORT_TOPIC",
        "KAFKA__DOCUMENT_REFERENCE_TOPIC",
        "KAFKA__PHENOTYPE_TOPIC",
        "KAFKA__OUTCOME_TOPIC",
        "KAFKA__DEAD_LETTER_TOPIC",
        "FHIR__BASE_URL",
        "FHIR__SOURCE_BASE_URL",
        "FHIR__TOKEN_FILE",
        "FHIR__IDENTIFIER_SYSTEM",
        "FHIR__WRITE",
        "MODEL__URL",
        "MODEL__API",
        "MODEL__TOKEN_FILE",
        "MODEL__PROMPT_SET",
        "HTTP__PORT",
    ]
    assert {f"ONCOFHIR_{name}" for name in promised} <= set(known_variables())


def test_secret_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("abc\n")
    assert read_secret(file) == "abc"
    assert read_secret(None) is None
    file.write_text("\n")
    with pytest.raises(SettingsError, match="empty"):
        read_secret(file)
    with pytest.raises(SettingsError, match="cannot read"):
        read_secret(tmp_path / "none")


def test_a_shadow_worker_shares_no_output_with_the_one_that_writes():
    shadow = FhirSettings(write=WriteMode.SHADOW)
    with pytest.raises(SettingsError, match=r"KAFKA__GROUP_ID.*KAFKA__PHENOTYPE_TOPIC"):
        refuse_shared_topics(Settings(fhir=shadow))
    own = KafkaSettings(
        group_id="shadow",
        phenotype_topic="shadow.phenotypes",
        outcome_topic="shadow.outcomes",
        dead_letter_topic="shadow.dead-letters",
    )
    refuse_shared_topics(Settings(fhir=shadow, kafka=own))
    refuse_shared_topics(Settings())


def test_a_login_that_the_protocol_passes_over_is_refused():
    with pytest.raises(ValueError, match="SASL_MECHANISM needs SECURITY_PROTOCOL"):
        KafkaSettings(sasl_mechanism="PLAIN")
    with pytest.raises(ValueError, match="needs SASL_MECHANISM"):
        KafkaSettings(security_protocol="SASL_SSL")
    KafkaSettings(sasl_mechanism="PLAIN", security_protocol="SASL_SSL")


def test_an_empty_backfill_topic_is_none_and_no_topic_name_is_a_folder():
    assert KafkaSettings(diagnostic_report_backfill_topic="").backfill_topics == ()
    for name in (".", "..", "a/b", "x" * 250):
        with pytest.raises(ValueError, match="a topic name has"):
            KafkaSettings(document_reference_backfill_topic=name)
