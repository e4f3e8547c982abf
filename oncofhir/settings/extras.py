"""How to install what an optional part needs. oncofhir is not on a package index."""

from oncofhir import __version__


def install_hint(extra: str) -> str:
    """The remedy for a missing optional dependency; `extra` is one of pyproject.toml."""
    wheel = f"oncofhir-{__version__}-py3-none-any.whl"
    return (
        f"Install the extra {extra!r}: pip install '.[{extra}]' in a clone of the repository, "
        f"or pip install './{wheel}[{extra}]' beside the wheel"
    )
