"""SQL on the landed tables: views, one statement a file, in the order of their names."""

from importlib.resources import files


def view_statements() -> tuple[str, ...]:
    """Return the statements that create the views, for DuckDB."""
    folder = files(__name__).joinpath("duckdb")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
