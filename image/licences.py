"""The licences of the packages in the image, as the packages state them (core metadata), in SPDX's terms."""

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from image.tree import CONTEXT

LOCK = CONTEXT / "requirements.lock"
# The image is Linux on CPython.
_PLATFORM = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.13",
    "python_full_version": "3.13.0",
}
# What a package states in words, as an SPDX expression. A licence that is not among the values is refused.
_SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd-3-clause, apache-2.0, dependency licenses": "BSD-3-Clause AND Apache-2.0",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "gnu library or lesser general public license (lgpl)": "LGPL-3.0-or-later",
    "lgpl": "LGPL-3.0-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
ACCEPTED = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-2.1-or-later",  # used as a package of its own, unchanged and replaceable
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
    ]
)


class UnacceptedLicenceError(Exception):
    """A package has a licence that is not accepted, or states none. The message names both."""


def locked_packages(lock: Path = LOCK) -> Iterator[tuple[str, str]]:
    """Yield name and version of every package that the image installs."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not re.match(r"[A-Za-z0-9]", line):
            continue
        requirement = Requirement(line.partition(" --hash")[0])
        if requirement.marker is None or requirement.marker.evaluate(_PLATFORM):
            yield requirement.name, str(requirement.specifier).removeprefix("==")


def licence_of(package: str) -> str:
    """Return the SPDX expression of an installed package's licence.

    Raises:
        UnacceptedLicenceError: it is not accepted, or the package states none.
        PackageNotFoundError: it is not installed.
    """
    metadata = distribution(package).metadata
    stated = metadata.get("License-Expression") or (metadata.get("License") or "").strip()
    if not stated or len(stated.splitlines()) > 1:
        classifiers = metadata.get_all("Classifier") or []
        named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: OSI")]
        stated = named[0] if named else ""
    expression = _SPDX.get(stated.lower(), stated)
    terms = set(re.split(r" (?:AND|OR) |[()]", expression)) - {""}
    if not terms or not terms <= ACCEPTED:
        raise UnacceptedLicenceError(f"{package}: {stated or 'no licence stated'}")
    return expression
