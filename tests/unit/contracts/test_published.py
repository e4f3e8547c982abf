"""The published contracts are what the models say, and what the examples and the service's rows obey."""

import json
import re

import fastavro
import jsonschema
import pytest
from typer.testing import CliRunner

from oncofhir import __version__
from oncofhir.cli.main import app
from oncofhir.contracts import generate
from oncofhir.contracts.asyncapi import asyncapi
from oncofhir.contracts.avro_codec import decode, encode
from oncofhir.contracts.catalog import published
from oncofhir.contracts.examples import dead_letter_headers, outcome_row, phenotype_row
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.settings import KafkaSettings

ROWS = {Contract.PHENOTYPE: phenotype_row(), Contract.OUTCOME: outcome_row()}
FOLDER = generate.Path(generate.__file__).with_name("published")


@pytest.fixture(scope="module")
def documents():
    return generate.documents()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_the_published_document_is_what_the_models_say(documents, name):
    wanted = generate.rendered(documents[name])
    assert FOLDER.joinpath(name).read_text(encoding="utf-8") == wanted, (
        "the models have changed: run python -m oncofhir.contracts.generate and look at the difference"
    )


def test_nothing_else_is_published(documents):
    assert {p.name for p in FOLDER.iterdir()} == set(documents)


@pytest.mark.parametrize("contract", ROWS)
def test_a_row_obeys_its_json_schema(contract):
    schema = published(contract, Format.JSON_SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
    row = ROWS[contract].model_dump(mode="json")
    jsonschema.validate(row, schema)
    jsonschema.validate(row | {"of_a_newer_version": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({k: v for k, v in row.items() if k != "revision"}, schema)


@pytest.mark.parametrize("contract", ROWS)
def test_a_row_comes_back_from_avro(contract):
    schema = fastavro.parse_schema(published(contract, Format.AVRO))
    row = ROWS[contract]
    read = decode(encode(row, schema), schema)
    assert type(row).model_validate_json(json.dumps(read)) == row


def test_headers_of_a_dead_letter_obey_their_schema():
    headers = dead_letter_headers().model_dump(by_alias=True, exclude_none=True)
    jsonschema.validate(headers, published(Contract.DEAD_LETTER, Format.JSON_SCHEMA))


def test_asyncapi_has_no_dangling_reference_and_its_examples_obey_its_payloads():
    document = asyncapi(KafkaSettings(), __version__)
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        node = document
        for part in reference.split("/"):
            node = node[part]
    for message in document["components"]["messages"].values():
        for example in message["examples"]:
            schema = message["payload"] | {"components": document["components"]}
            jsonschema.validate(example["payload"], schema)


def test_asyncapi_names_the_topics_of_the_site(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_KAFKA__PHENOTYPE_TOPIC", "site.findings")
    result = CliRunner().invoke(app, ["schemas", "print", "asyncapi"])
    assert json.loads(result.stdout)["channels"]["phenotypes"]["address"] == "site.findings"


@pytest.mark.parametrize("contract", Contract)
@pytest.mark.parametrize("format_", Format)
def test_print_prints_what_is_published(contract, format_):
    command = ["schemas", "print", contract.value, "--format", format_.value]
    result = CliRunner().invoke(app, command)
    assert json.loads(result.stdout) == published(contract, format_)


def test_a_registry_that_does_not_answer_is_3_with_its_address():
    result = CliRunner().invoke(app, ["schemas", "register", "--registry", "http://127.0.0.1:1"])
    assert result.exit_code == 3
    assert "registry-unreachable: at http://127.0.0.1:1" in result.stderr


def test_an_address_of_a_registry_that_is_none_is_wrong_usage():
    result = CliRunner().invoke(app, ["schemas", "check", "--registry", "registry:8081"])
    assert result.exit_code == 2
    assert "an http or https URL is needed" in result.stderr


@pytest.mark.parametrize("document", ["asyncapi", "views"])
def test_what_is_no_schema_is_not_printed_in_avro(document):
    result = CliRunner().invoke(app, ["schemas", "print", document, "--format", "avro"])
    assert result.exit_code == 2
    assert f"{document} is not there in Avro" in result.stderr


def test_without_a_registry_the_setting_is_named():
    result = CliRunner().invoke(app, ["schemas", "check"])
    assert result.exit_code == 2
    assert "set ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL" in result.stderr


def test_asyncapi_of_rows_in_avro_has_their_schema_and_framing(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_KAFKA__ROW_FORMAT", "avro")
    monkeypatch.setenv("ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL", "http://registry:8081")
    result = CliRunner().invoke(app, ["schemas", "print", "asyncapi"])
    message = json.loads(result.stdout)["components"]["messages"]["outcome"]
    assert message["payload"]["schema"] == published(Contract.OUTCOME, Format.AVRO)
    assert message["bindings"]["kafka"]["schemaIdLocation"] == "payload"
    assert message["headers"]["properties"]["content-type"]["const"] == "application/avro"
