"""The ViewDefinitions use only FHIRPath that every runner takes; `make test-views` runs them on the demo's store."""

import json
import re

from typer.testing import CliRunner

from oncofhir.cli.main import app
from oncofhir.fhir.view_definitions import view_definitions
from oncofhir.schemas.finding import Kind

# SQL on FHIR 2.0.0, required FHIRPath subset of ViewDefinitions.
REQUIRED = {
    "where",
    "exists",
    "not",
    "ofType",
    "first",
    "extension",
    "getResourceKey",
    "getReferenceKey",
}


def views(prefix="https://site.example/sid"):
    return [entry["resource"] for entry in view_definitions(prefix)["entry"]]


def test_every_kind_has_a_view():
    kinds = {c["path"].strip("'") for v in views() for c in columns(v) if c["name"] == "kind"}
    assert kinds == {kind.value for kind in Kind}


def columns(view):
    return view["select"][0]["column"]


def test_only_functions_that_every_runner_has_are_used():
    paths = [c["path"] for v in views() for c in columns(v)]
    paths += [w["path"] for v in views() for w in v["where"]]
    assert {f for path in paths for f in re.findall(r"(\w+)\(", path)} <= REQUIRED


def test_print_fills_in_the_sites_identifier_system(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_FHIR__IDENTIFIER_SYSTEM", "https://hospital.example/sid")
    result = CliRunner().invoke(app, ["schemas", "print", "views"])
    constants = {
        entry["resource"]["constant"][0]["valueUri"] for entry in json.loads(result.stdout)["entry"]
    }
    assert constants == {"https://hospital.example/sid/finding"}
