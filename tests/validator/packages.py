"""The folder of FHIR packages that the check is given: unpacked ones, or `.tgz` as registries serve them."""

import shutil
import tarfile
from pathlib import Path

HOW = (
    "PACKAGES must name a folder with the FHIR packages hl7.fhir.us.core 6.1.0, hl7.fhir.us.mcode 4.0.0 and\n"
    "hl7.fhir.uv.aitransparency, unpacked or as .tgz. They are not part of this project. Get them with:\n"
    "  mkdir -p packages && cd packages\n"
    "  curl -L -o us-core.tgz https://packages.fhir.org/hl7.fhir.us.core/6.1.0\n"
    "  curl -L -o mcode.tgz https://packages.fhir.org/hl7.fhir.us.mcode/4.0.0\n"
    "  curl -L -o ait.tgz https://build.fhir.org/ig/HL7/aitransparency-ig/package.tgz\n"
    "  make validate-fhir PACKAGES=$PWD"
)
_NEEDED = (
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab",
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor-size",
    "http://hl7.org/fhir/uv/aitransparency/StructureDefinition/AI-Provenance",
)
_KINDS = ("StructureDefinition-", "ValueSet-", "CodeSystem-")


class PackagesMissing(Exception):
    """There is no such folder, or a package that the profiles are in is not in it."""


def gathered(folder: Path | None, into: Path) -> Path:
    """The definitions of all packages of a folder, copied `into` one folder.

    Raises:
        PackagesMissing: the message says which.
    """
    if folder is None:
        raise PackagesMissing("PACKAGES is not set")
    if not folder.is_dir():
        raise PackagesMissing(f"no such folder: {folder}")
    found: set[str] = set()
    for packed in sorted(folder.rglob("*.tgz")):
        with tarfile.open(packed) as archive:
            archive.extractall(into / packed.stem, filter="data")
    shutil.copytree(
        folder, into / "unpacked", ignore=shutil.ignore_patterns("*.tgz", "node_modules", ".git")
    )
    for file in list(into.rglob("*.json")):
        if not file.name.startswith(_KINDS) or "example" in file.parts:
            file.unlink()
        elif file.name.startswith("StructureDefinition-"):
            found.add(file.stem.removeprefix("StructureDefinition-"))
    missing = [url for url in _NEEDED if url.rpartition("/")[2] not in found]
    if missing:
        raise PackagesMissing(f"not in {folder}: {', '.join(missing)}")
    return into
