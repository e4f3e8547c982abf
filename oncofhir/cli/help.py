"""Help texts: the panels of `oncofhir --help`, docstrings as help, and options without Python's types."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from oncofhir.cli.entry import OWN_PROCESS
from oncofhir.cli.logs import log_to_stderr

TRY_IT = "Try it"
RUN_IT = "Run it"
OPERATE_IT = "Operate it"
RECOVER = "Recover"

# Also the line without indentation that rich needs to keep that of the examples before it.
_EACH_HAS_HELP = "COMMAND --help has the options, examples and exit statuses of each."


class _PlainErrors:
    """Errors of options and arguments without the words of pydantic, which typer converts values with."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from pydantic import ValidationError

        from oncofhir.schemas.error_messages.validation import plain_message

        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = "; ".join(map(plain_message, error.__cause__.errors()))
            raise


class _Command(_PlainErrors, TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        # Not before: neither --help nor completion needs a log, and its modules take time to import.
        log_to_stderr(owns_process=ctx.find_root().obj == OWN_PROCESS)
        return super().invoke(ctx)


class _Group(_PlainErrors, TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def new_group(callback: Callable[..., None], *, runs_alone: bool = False) -> typer.Typer:
    """A command with sub-commands; the docstring of `callback` is its help.

    `runs_alone`: without a sub-command the callback does the work, instead of printing the help.
    """
    help_text = _help_of(callback)
    if help_text.rpartition("\n\n")[2].startswith("Examples:"):
        help_text += f"\n\n{_EACH_HAS_HELP}"
    return typer.Typer(
        invoke_without_command=runs_alone,
        callback=callback,
        cls=_Group,
        help=help_text,
        no_args_is_help=not runs_alone,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def add(
    group: typer.Typer,
    name: str,
    command: typer.Typer | Callable[..., None],
    panel: str | None = None,
) -> None:
    """Add a command, or a group of commands, under a panel of the help; its docstring is its help."""
    if isinstance(command, typer.Typer):
        group.add_typer(command, name=name, rich_help_panel=panel)
    else:
        group.command(name, cls=_Command, help=_help_of(command), rich_help_panel=panel)(command)


def _help_of(command: Callable[..., Any]) -> str:
    """The docstring with one line per paragraph; lines below "Examples:" stay as they are.

    typer keeps the line breaks of a docstring, which would then stand within sentences. `[` is escaped: rich
    would read it as markup.
    """
    paragraphs = inspect.cleandoc(command.__doc__ or "").replace("[", r"\[").split("\n\n")
    return "\n\n".join(p if p.startswith("Examples:") else " ".join(p.split()) for p in paragraphs)


def _without_types(params: Sequence[Any]) -> list[Any]:
    """The parameters without what typer adds to the metavar: `<bool>`, `<list[str]>`, `[32<=x<=1048576]`.

    At 80 columns these would cut the names of options.
    """
    for param in params:
        if isinstance(param, TyperOption):
            if param.is_flag:
                param.metavar = ""
            param._get_number_range_help_str = _nothing  # type: ignore[method-assign] # noqa: SLF001
        elif isinstance(param, TyperArgument):
            param.display_type_rich = _nothing  # type: ignore[method-assign]
    return list(params)


def _nothing(*_: Any, **__: Any) -> None:
    """In place of a method of typer that has no switch."""
