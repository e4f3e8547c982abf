"""`docs/reference/settings.md`: every setting with its default and description."""

import json
from itertools import groupby
from typing import Any

from docs.generate.markdown import code, head, table
from oncofhir.settings import setting_infos
from oncofhir.settings.aliases import VARIABLES
from oncofhir.settings.printable import SettingInfo

_INTRODUCTION = """
Set a setting as an environment variable, or in the TOML file that `ONCOFHIR_CONFIG` names. The environment wins. Unknown names
are errors. Secrets are files: the setting holds the path.

`oncofhir config show --describe` prints the effective values, `oncofhir config example` a TOML file to start from.
The same setting in both forms:
"""
_ALIASES = """
## Renamed settings

The old names of 0.1.0 are still read. Every command warns of them on stderr and names the new one. An old and its new name
together are an error.
"""


def settings_page() -> str:
    """Render the page."""
    parts = [
        head("Settings", "operators, integration teams", "oncofhir/settings"),
        _INTRODUCTION,
        code("export ONCOFHIR_KAFKA__GROUP_ID=pathology", "sh"),
        code('[kafka]\ngroup_id = "pathology"', "toml"),
    ]
    for group, infos in groupby(setting_infos(), key=lambda info: info.dotted.rpartition(".")[0]):
        parts.append(f"\n## {group or 'Without a group'}\n")
        parts.append(table(("variable", "default", "description"), map(_row, infos)))
    parts.append(_ALIASES)
    renamed = ((f"`{old}`", f"`{new}`") for old, new in VARIABLES.items())
    parts.append(table(("old", "new"), renamed))
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _row(info: SettingInfo) -> tuple[str, str, str]:
    return f"`{info.variable}`", _default(info.default), info.description


def _default(value: Any) -> str:
    if value is None:
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
