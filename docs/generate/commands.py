"""`docs/reference/commands.md`: the help of every command."""

from collections.abc import Iterator
from typing import Any

import typer

from docs.generate.markdown import code, head, table
from oncofhir.cli.main import app

_INTRODUCTION = """
Results go to stdout, one JSON object per line; on a terminal some commands print tables instead (`--json` keeps the JSON). Logs and
progress go to stderr, so that results can be piped. Only `oncofhir worker` and `oncofhir model serve` log to stdout.

Exit status of every command: 0 success, 1 something is wrong with the result, 2 wrong usage or settings, 3 a dependency is
unreachable, 130 interrupted.

Shell completion: `oncofhir --install-completion`.
"""


def commands_page() -> str:
    """Render the page."""
    parts = [head("Commands", "everyone", "the help of oncofhir/cli"), _INTRODUCTION]
    for path, command in _commands(typer.main.get_command(app), ("oncofhir",)):
        parts.append(f"## {' '.join(path)}\n")
        parts.extend(_paragraphs(command.help))
        rows = [_option(param) for param in command.params if not _is_completion(param)]
        if rows:
            parts.append(table(("argument or option", "meaning", "default"), rows))
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if len(path) > 1:
        yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from _commands(sub, (*path, name))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.replace(r"\[", "[").split("\n\n"):
        if paragraph.startswith("Examples:"):
            lines = [line.removeprefix("    ") for line in paragraph.splitlines()[1:]]
            yield code("\n".join(lines), "sh")
        else:
            # Angle brackets are HTML in Markdown.
            yield paragraph.replace("<", "&lt;").replace(">", "&gt;")


def _option(param: Any) -> tuple[str, str, str]:
    names = ", ".join((*param.opts, *param.secondary_opts))
    is_argument = not names.startswith("-")
    label = param.metavar if is_argument else " ".join(filter(None, (names, param.metavar)))
    shown = None if callable(param.default) or getattr(param, "is_flag", False) else param.default
    default = "" if shown is None else f"`{getattr(shown, 'value', shown)}`"
    return f"`{label}`", param.help.replace("*", r"\*"), default


def _is_completion(param: Any) -> bool:
    return "completion" in (param.name or "")
