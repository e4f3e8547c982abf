"""`docs/reference/dependencies.md`: the Python packages of the image and their licences."""

from docs.generate.markdown import head, table
from image.licences import licence_of, locked_packages

_INTRODUCTION = """
The image holds these packages, pinned with hashes in `requirements.lock`. Their licences are those that the packages state. `make audit` refuses a licence that is
not on its list, and looks for known vulnerabilities; `make sbom` writes the bill of materials (CycloneDX) with versions. `crc32c` and `pebble` are under the LGPL: they are
installed as packages of their own, unchanged, and can be replaced. Licences of terminologies and data: [licences](../licences.md).
"""


def dependencies_page() -> str:
    """Render the page."""
    rows = [(f"`{name}`", licence_of(name)) for name, _ in sorted(locked_packages())]
    first = head("Dependencies and their licences", "legal, security officers", "requirements.lock")
    return f"{first}{_INTRODUCTION}\n{table(('package', 'licence (SPDX)'), rows)}"
