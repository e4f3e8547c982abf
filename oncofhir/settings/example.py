"""The commented TOML file that `oncofhir config example` prints."""

import json
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from oncofhir.settings.base import PREFIX
from oncofhir.settings.loading import CONFIG_FILE_VARIABLE
from oncofhir.settings.printable import SettingInfo, setting_infos

_WIDTH = 79
_HEAD = f"""\
# Settings of oncofhir. Every line is a comment that shows the default: remove the "# " to change one.
# Name this file in {CONFIG_FILE_VARIABLE}. Environment variables win over it:
# {PREFIX}KAFKA__GROUP_ID is group_id of [kafka]. Check the result with: oncofhir config show
"""


def example_file() -> str:
    """Every setting with its description, commented out, in TOML. A setting without a default shows `""`."""
    return "\n".join((_HEAD, *_tables()))


def _tables() -> Iterator[str]:
    # A key without a table must stand before the first table (TOML 1.0.0, "Table").
    infos = sorted(setting_infos(), key=lambda info: "." in info.dotted)
    for group, members in groupby(infos, key=_group_of):
        if group:
            yield f"[{group}]\n"
        for info in members:
            yield f"{_comment(info)}\n# {info.dotted.rpartition('.')[2]} = {toml_value(info.default)}\n"


def _group_of(info: SettingInfo) -> str:
    return info.dotted.rpartition(".")[0]


def _comment(info: SettingInfo) -> str:
    unset = "" if info.default is not None else " (not set)"
    return textwrap.fill(
        info.description + unset,
        width=_WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def toml_value(value: Any) -> str:
    """A default in TOML's notation. Strings and lists of strings are written as in JSON."""
    if value is None:
        return '""'
    if value == {}:
        return "{}"
    return json.dumps(value)
