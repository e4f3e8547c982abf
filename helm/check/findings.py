"""Everything that is wrong with a chart: lint, profiles, committed renders, manifests, README."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from helm_python import HelmError, lint

from helm.check.custom_resources import OURS, Schema
from helm.check.manifests import findings_in, is_custom
from helm.check.rendering import manifests, profiles, rendered, values_of
from helm.check.table import with_table

_WARNING = 2  # severities of helm lint: 1 info, 2 warning, 3 error


@dataclass
class Report:
    """What was looked at and what was found."""

    profiles: int = 0
    manifests: int = 0
    custom_resources: int = 0
    findings: list[str] = field(default_factory=list)


def check(
    chart: Path, *, write: bool = False, custom: Mapping[tuple[str, str], Schema] = OURS
) -> Report:
    """Check a chart; with `write`, its renders and its README are brought up to date first."""
    report = Report()
    for name, file in profiles(chart).items():
        report.profiles += 1
        try:
            _check_profile(name, file, chart, report, write=write, custom=custom)
        except (HelmError, yaml.YAMLError) as error:
            report.findings.append(f"{name}: {' '.join(str(error).split())}")
    _check_readme(chart, report, write=write)
    if not report.profiles:
        report.findings.append(f"no profiles in {chart}")
    return report


def _check_profile(
    name: str,
    file: Path,
    chart: Path,
    report: Report,
    *,
    write: bool,
    custom: Mapping[tuple[str, str], Schema],
) -> None:
    values = values_of(file)
    for message in lint(chart, values, strict=True)["messages"]:
        if message["severity"] >= _WARNING:
            report.findings.append(f"{name}: lint: {message['path']}: {message['error']}")
    text = rendered(values, chart)
    found = manifests(text)
    report.manifests += len(found)
    report.custom_resources += sum(is_custom(manifest) for manifest in found)
    report.findings += [f"{name}: {line}" for line in findings_in(found, custom)]
    committed = chart / "renders" / file.name
    if write:
        committed.write_text(text)
    old = committed.read_text() if committed.exists() else ""
    if old != text:
        changes = difflib.unified_diff(
            old.splitlines(), text.splitlines(), "committed", "rendered", n=1, lineterm=""
        )
        shown = "\n".join(list(changes)[:20])
        report.findings.append(
            f"{name}: {committed.name} differs; read the change, then run "
            f"'make helm-check ARGS=--write'\n{shown}"
        )


def _check_readme(chart: Path, report: Report, *, write: bool) -> None:
    readme = chart / "README.md"
    try:
        wanted = with_table(readme.read_text(), chart)
    except (OSError, ValueError, KeyError) as error:
        report.findings.append(f"README.md: {type(error).__name__}: {error}")
        return
    if write:
        readme.write_text(wanted)
    if readme.read_text() != wanted:
        report.findings.append(
            "README.md: the table of values is old; run 'make helm-check ARGS=--write'"
        )
