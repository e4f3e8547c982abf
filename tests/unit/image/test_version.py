"""One version: pyproject.toml states it, and everything that is released with it has the same."""

import re
import tomllib

import pytest
import yaml

from image.tree import CONTEXT

VERSION = tomllib.loads((CONTEXT / "pyproject.toml").read_text())["project"]["version"]


def test_the_chart_has_the_version_of_the_software():
    chart = yaml.safe_load((CONTEXT / "helm/oncofhir/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_the_images_label_is_the_version_where_no_other_is_given():
    text = (CONTEXT / "Containerfile").read_text()
    assert re.findall(r"^ARG VERSION=(.+)$", text, re.MULTILINE) == [VERSION]
    assert 'org.opencontainers.image.version="${VERSION}"' in text


@pytest.mark.parametrize(
    "name", ["Containerfile", "compose.yaml", "docs/how-to/install-with-helm.md"]
)
def test_tags_and_arguments_name_the_version(name):
    text = (CONTEXT / name).read_text()
    named = re.findall(r"(?:VERSION=|oncofhir(?:-demo-model)?:)(\d+\.\d+\.\d+)", text)
    assert set(named) == {VERSION}


def test_the_changelog_has_the_version_and_room_for_the_next():
    text = (CONTEXT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", text, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    version, date = headings[1]
    assert version == VERSION
    assert date


def test_the_chart_says_how_to_upgrade_to_the_version():
    text = (CONTEXT / "helm/oncofhir/UPGRADING.md").read_text()
    assert f"## {VERSION}" in text


def test_the_security_policy_supports_the_version():
    minor = VERSION.rpartition(".")[0]
    assert f"| {minor}.x | yes |" in (CONTEXT / "SECURITY.md").read_text()
