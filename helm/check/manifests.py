"""Validates rendered manifests: Kubernetes' own schemas, closed, in several versions; ours for the rest."""

from collections.abc import Iterable, Mapping

import kubernetes_validate
from jsonschema import Draft202012Validator

from helm.check.custom_resources import OURS, Schema
from helm.check.rendering import Manifest

# The oldest that Chart.yaml allows, one between, the newest whose schemas are installed.
KUBERNETES_VERSIONS = ("1.29", "1.33", "1.37")


def is_custom(manifest: Manifest) -> bool:
    """Whether a manifest is of a kind that an operator brings, and not Kubernetes."""
    group = manifest["apiVersion"].rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def findings_in(
    found: Iterable[Manifest], custom: Mapping[tuple[str, str], Schema] = OURS
) -> list[str]:
    """What is wrong with manifests, a line each; an empty list if nothing is."""
    lines = []
    names = set()
    for manifest in found:
        kind, name = manifest.get("kind"), manifest.get("metadata", {}).get("name")
        where = f"{kind}/{name}"
        if where in names:
            lines.append(f"{where}: there are two of it")
        names.add(where)
        problems = _custom(manifest, custom) if is_custom(manifest) else _kubernetes(manifest)
        lines += [f"{where}: {problem}" for problem in problems]
    return lines


def _custom(manifest: Manifest, schemas: Mapping[tuple[str, str], Schema]) -> list[str]:
    schema = schemas.get((manifest["apiVersion"], manifest["kind"]))
    if schema is None:
        return [f"no schema for {manifest['apiVersion']} {manifest['kind']}"]
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(manifest)
    ]


def _kubernetes(manifest: Manifest) -> list[str]:
    problems = []
    for version in KUBERNETES_VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(
                f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
            )
        except kubernetes_validate.SchemaNotFoundError as error:
            problems.append(f"Kubernetes {version}: {error}")
    return problems
