"""Renders the chart as helm does: Helm's own Go code (helm-python-sdk), no binary, no cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

CHART = Path(__file__).parents[1] / "oncofhir"
RELEASE = "oncofhir"
NAMESPACE = "oncofhir"
_NOTES = "NOTES.txt"

Manifest = dict[str, Any]


class StrictLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice in one mapping is an error, as Kubernetes holds it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            where = node.start_mark.line + 1
            raise yaml.YAMLError(f"line {where}: twice in one mapping: {sorted(twice)}")
        return super().construct_mapping(node, deep)


def profiles(chart: Path = CHART) -> dict[str, Path]:
    """The example values by their names."""
    return {file.stem: file for file in sorted((chart / "profiles").glob("*.yaml"))}


def values_of(file: Path) -> dict[str, Any]:
    """The values in a file."""
    return dict(yaml.load(file.read_text(), StrictLoader) or {})  # noqa: S506 - a SafeLoader


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with changes over them, mapping by mapping, as a second values file would do."""
    result = dict(values)
    for key, change in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        result[key] = merged(old, change) if both else change
    return result


def rendered(
    values: Mapping[str, Any],
    chart: Path = CHART,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """All manifests as helm prints them, in a stable order, each under its template's name.

    Raises:
        HelmError: the values break the schema, or a template refuses them or is broken.
    """
    with Chart.load(chart) as loaded:
        files = loaded.render(dict(values), name=release, namespace=namespace)
    parts = []
    for name, text in sorted(files.items()):
        if text.strip() and not name.endswith((_NOTES, ".tpl")):
            body = "\n".join(line.rstrip() for line in text.strip().splitlines())
            parts.append(f"---\n# Source: {name}\n{body.removeprefix('---').lstrip()}\n")
    return "".join(parts)


def notes(values: Mapping[str, Any], chart: Path = CHART) -> str:
    """What helm prints after an installation."""
    with Chart.load(chart) as loaded:
        files = loaded.render(dict(values), name=RELEASE, namespace=NAMESPACE)
    return next(text for name, text in files.items() if name.endswith(_NOTES))


def manifests(text: str) -> list[Manifest]:
    """The objects in rendered text."""
    loaded = yaml.load_all(text, StrictLoader)
    return [document for document in loaded if document]
