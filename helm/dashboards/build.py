"""Grafana dashboards from `panels.toml`. The JSON needs Grafana 9 or newer."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("panels.toml")
FOLDER = Path(__file__).parents[1] / "oncofhir" / "files" / "dashboards"
NAMESPACE = 'namespace=~"$namespace"'
RATE_INTERVAL = "$__rate_interval"
_SCHEMA_VERSION = 36  # Grafana 9.0; newer ones migrate it when they load it
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _COLUMNS = 24, 3
_STAT_HEIGHT, _HEIGHT = 4, 8


def dashboards() -> dict[str, str]:
    """The dashboards as JSON, by file name."""
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return {
        f"{name}.json": json.dumps(_dashboard(name, content), indent=1) + "\n"
        for name, content in source.items()
    }


def queries() -> list[tuple[str, str, str]]:
    """Each query as dashboard, panel title and expression."""
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return [
        (name, panel["title"], expression(query))
        for name, content in source.items()
        for panel in content["panels"]
        for query, _ in panel["queries"]
    ]


def expression(query: str) -> str:
    """A query with the dashboard's variables in place of N and R."""
    return (
        query.replace("{N,", f"{{{NAMESPACE},")
        .replace("{N}", f"{{{NAMESPACE}}}")
        .replace("[R]", f"[{RATE_INTERVAL}]")
    )


def _dashboard(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uid": f"oncofhir-{name}",
        "title": content["title"],
        "description": content["description"],
        "tags": ["oncofhir"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "type": "dashboards",
                "title": "oncofhir",
                "tags": ["oncofhir"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": [_datasource_variable(), _namespace_variable()]},
        "annotations": {"list": []},
        "panels": _laid_out(content["panels"]),
    }


def _datasource_variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }


def _namespace_variable() -> dict[str, Any]:
    query = "label_values(oncofhir_build_info, namespace)"
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "namespaces"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",  # also where nothing has a namespace
        "current": {"text": "All", "value": "$__all"},
    }


def _laid_out(panels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Stats in one row, then three panels per row."""
    stats = [panel for panel in panels if panel.get("kind") == "stat"]
    others = [panel for panel in panels if panel.get("kind") != "stat"]
    width = _WIDTH // max(1, len(stats))
    laid = [
        _panel(panel, {"x": n * width, "y": 0, "w": width, "h": _STAT_HEIGHT})
        for n, panel in enumerate(stats)
    ]
    width = _WIDTH // _COLUMNS
    for n, panel in enumerate(others):
        row, column = divmod(n, _COLUMNS)
        place = {"x": column * width, "y": _STAT_HEIGHT + row * _HEIGHT, "w": width, "h": _HEIGHT}
        laid.append(_panel(panel, place))
    return [{"id": n} | panel for n, panel in enumerate(laid, start=1)]


def _panel(panel: Mapping[str, Any], grid: Mapping[str, int]) -> dict[str, Any]:
    kind = panel.get("kind", "timeseries")
    defaults: dict[str, Any] = {"unit": panel["unit"]}
    options: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"]}}
    if kind == "timeseries":
        defaults |= {"min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}}
        options = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        }
    return {
        "type": kind,
        "title": panel["title"],
        "description": panel["description"],
        "datasource": _DATASOURCE,
        "gridPos": dict(grid),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": _DATASOURCE,
                "expr": expression(query),
                "legendFormat": legend,
                "instant": kind == "stat",
            }
            for n, (query, legend) in enumerate(panel["queries"])
        ],
    }
