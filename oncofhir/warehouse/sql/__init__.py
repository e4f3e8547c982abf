"""SQL on the landed tables: views and OMOP tables, a file per step, in the order of their names."""

from importlib.resources import files


def view_statements() -> tuple[str, ...]:
    """Return the statements that create the views `findings` and `tumors`, for DuckDB."""
    return _scripts("duckdb")


def omop_statements() -> tuple[str, ...]:
    """Return the scripts that fill the OMOP tables of the schema `omop`, for DuckDB."""
    return _scripts("omop")


def _scripts(folder_name: str) -> tuple[str, ...]:
    folder = files(__name__).joinpath(folder_name)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
