"""`make validate-fhir PACKAGES=folder`: a table of resources, errors and warnings; 1 on errors.

2: no such packages; 3: the validator cannot run here, or lets a broken resource pass.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.provenance import shared_resources
from oncofhir.schemas.identity import run_of
from tests.findings import CARD, MODEL, PROMPTS, SYSTEM, report_of
from tests.maven import CannotRun
from tests.validator.explained import UNCHECKED, explanation
from tests.validator.hapi import Message, validated
from tests.validator.packages import HOW, PackagesMissing, gathered
from tests.validator.prepared import BROKEN, STORE, WITHDRAWN, as_stored, broken, withdrawn

_SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
_WITHDRAWN = "(findings of every kind, withdrawn)"
_WRONG, _USAGE, _CANNOT = 1, 2, 3


def main(folder: str) -> int:
    with tempfile.TemporaryDirectory() as work:
        resources = Path(work, "resources")
        resources.mkdir()
        counts = _prepare(resources)
        try:
            packages = gathered(Path(folder) if folder else None, Path(work, "packages"))
            messages = validated(packages, resources)
        except PackagesMissing as error:
            print(f"{error}\n{HOW}", file=sys.stderr)
            return _USAGE
        except CannotRun as error:
            print(error, file=sys.stderr)
            return _CANNOT
    if not any(m.file == f"{BROKEN}.json" and m.severity == "error" for m in messages):
        print("the validator let a resource pass that is broken on purpose", file=sys.stderr)
        return _CANNOT
    return _print(counts, [m for m in messages if m.file != f"{BROKEN}.json"])


def _prepare(resources: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in sorted(_SNAPSHOTS.glob("*.json")):
        bundle = as_stored(json.loads(file.read_text()))
        counts.update(_named(entry["resource"]) for entry in bundle["entry"])
        (resources / file.name).write_text(json.dumps(bundle))
        if file.stem in WITHDRAWN:
            gone = withdrawn(bundle)
            counts[_WITHDRAWN] += len(gone["entry"])
            (resources / f"{file.stem}-withdrawn.json").write_text(json.dumps(gone))
    standing = {"resourceType": "Bundle", "type": "collection", "entry": _standing()}
    counts.update(_named(entry["resource"]) for entry in standing["entry"])
    (resources / "standing.json").write_text(json.dumps(standing))
    worst = broken(as_stored(json.loads((_SNAPSHOTS / "breast.json").read_text())))
    (resources / f"{BROKEN}.json").write_text(json.dumps(worst))
    return counts


def _standing() -> list[dict[str, Any]]:
    """The Devices, the prompt set and the card, which are written once and not with every report."""
    run = run_of(report_of("text", "any"), MODEL, PROMPTS, "settings", "terminology", "0.0.0")
    systems = IdentifierSystems(prefix=SYSTEM)
    written = shared_resources(run, systems, "the prompt's template", CARD)
    return [
        {"fullUrl": f"{STORE}{resource['resourceType']}/{resource['id']}", "resource": resource}
        for resource in written
    ]


def _named(resource: dict[str, Any]) -> str:
    claimed = resource.get("meta", {}).get("profile") or ["no profile"]
    return f"{resource['resourceType']}  {' + '.join(url.rpartition('/')[2] for url in claimed)}"


def _print(counts: Counter[str], messages: list[Message]) -> int:
    print("resources")
    for name, count in sorted(counts.items()):
        print(f"{count:6}  {name}")
    kinds = Counter((m.severity, explanation(m)) for m in messages if m.severity != "unchecked")
    for severity in ("fatal", "error", "warning", "information"):
        rows = [(k, n) for (s, k), n in sorted(kinds.items()) if s == severity and k != UNCHECKED]
        print(f"{severity}: {sum(n for _, n in rows)}")
        for kind, count in rows:
            print(f"{count:6}  {kind}")
    print("unchecked: membership that no validator can tell without a terminology server")
    sets = {(m.kind, f"{m.path}#{m.text}") for m in messages if m.severity == "unchecked"}
    for url, number in sorted(Counter(url for url, _ in sets).items()):
        print(f"{number:6}  codes in {url}")
    print(f"{kinds['warning', UNCHECKED]:6}  codes of code systems that are not in the packages")
    wrong = [m for m in messages if m.severity in {"error", "fatal"}]
    for message in wrong:
        print(f"{message.file} {message.path}: {message.text}", file=sys.stderr)
    return _WRONG if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
