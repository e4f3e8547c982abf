"""oncofhir: coded, traceable FHIR from cancer reports, extracted by a language model."""

__version__: str


def __getattr__(name: str) -> str:
    """Read the version when it is asked for: importlib.metadata slows the start of every command."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - see above

        return version("oncofhir")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
