"""The chart of the last release, as it was packaged, with its profiles: what sites upgrade from.

At a release, `helm package` of the old chart takes its place in tests/cluster/charts.
"""

import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

LAST_RELEASE = Path(__file__).parent / "charts" / "oncofhir-0.1.0.tgz"
VERSION = LAST_RELEASE.stem.rpartition("-")[2]


def profiles_of_the_last_release() -> dict[str, dict[str, Any]]:
    """Its example values, by the names of the profiles."""
    found = {}
    with tarfile.open(LAST_RELEASE) as archive:
        for member in archive.getmembers():
            path = PurePosixPath(member.name)
            content = archive.extractfile(member)
            if path.parent.name == "profiles" and content is not None:
                found[path.stem] = dict(yaml.safe_load(content.read()))
    return dict(sorted(found.items()))
