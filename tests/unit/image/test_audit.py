"""What `make audit` makes of pip-audit's reports, and licences."""

import json
import sys

import pytest

from image import audit
from image.licences import UnacceptedLicenceError, licence_of, locked_packages

VULNERABLE = {
    "name": "jinja2",
    "version": "3.0.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"], "aliases": [], "description": "x"}],
}
SOUND = {"name": "rich", "version": "14.0", "vulns": []}
SKIPPED = {"name": "lxml", "skip_reason": "Dependency not found on PyPI"}


def run(tmp_path, monkeypatch, output, *arguments):
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint({output!r})\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["audit", "--pip-audit", str(program), *arguments])
    return audit.main()


@pytest.mark.parametrize(
    ("dependencies", "arguments", "status"),
    [
        ([SOUND], (), 0),
        ([SOUND, VULNERABLE], (), 1),
        ([SOUND, VULNERABLE, SKIPPED], ("--if-reachable",), 1),
        ([SOUND, SKIPPED], (), 3),
        ([SOUND, SKIPPED], ("--if-reachable",), 0),
    ],
)
def test_the_status_says_what_is_known(
    tmp_path, monkeypatch, capsys, dependencies, arguments, status
):
    """pip-audit itself succeeds where it could check nothing."""
    output = json.dumps({"dependencies": dependencies, "fixes": []})
    assert run(tmp_path, monkeypatch, output, *arguments) == status
    printed = capsys.readouterr().err
    assert ("PYSEC-1" in printed) == (status == 1)
    assert ("NOT CHECKED" in printed) == (status != 1 and SKIPPED in dependencies)


def test_without_a_report_nothing_is_known(tmp_path, monkeypatch, capsys):
    assert run(tmp_path, monkeypatch, "connection refused") == 3
    assert "0 of" in capsys.readouterr().out


def test_every_package_of_the_image_has_an_accepted_licence():
    names = [name for name, _ in locked_packages()]
    assert {"kafka-python", "cryptography", "starlette"} <= set(names)
    assert "colorama" not in names, "Windows only"
    assert all(map(licence_of, names))


def test_another_licence_is_refused(monkeypatch):
    monkeypatch.setattr("image.licences.ACCEPTED", frozenset({"MIT"}))
    with pytest.raises(UnacceptedLicenceError, match="cryptography: Apache"):
        licence_of("cryptography")
