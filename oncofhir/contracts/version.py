"""The version of the row contracts, as it travels in a header of each row."""

MAJOR_VERSION = 1
SCHEMA_HEADER = "oncofhir-schema"


def schema_header(name: str) -> tuple[str, bytes]:
    """Return the header that names a row's contract: `oncofhir-schema: phenotype/1`."""
    return (SCHEMA_HEADER, f"{name}/{MAJOR_VERSION}".encode())


def major_version_of(value: bytes | None) -> int:
    """Return the major version in a header's value; rows without one (0.1.0 wrote none) are of version 1."""
    _, _, version = (value or b"").partition(b"/")
    return int(version) if version.isdigit() else MAJOR_VERSION
