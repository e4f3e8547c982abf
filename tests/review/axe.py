"""axe-core, the accessibility rules of Deque, from its npm package."""

import json
import tarfile
from pathlib import Path

from tests.maven import run, tool

VERSION = "4.14.1"
_BUILD = Path(__file__).parents[2] / "build" / "axe-core"
# WCAG 2.2 AA and what axe calls best practice
_OPTIONS = {
    "runOnly": [
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice",
    ]
}


def source() -> str:
    """The script; fetched once. npm compares the package with the registry's hash.

    Raises:
        CannotRun: there is no npm, or the registry cannot be reached.
    """
    file = _BUILD / f"axe-{VERSION}.min.js"
    if not file.is_file():
        _BUILD.mkdir(parents=True, exist_ok=True)
        npm = tool("npm", "npm (Node.js)")
        run([npm, "pack", f"axe-core@{VERSION}", "--pack-destination", str(_BUILD), "--silent"])
        with tarfile.open(_BUILD / f"axe-core-{VERSION}.tgz") as package:
            script = package.extractfile("package/axe.min.js")
            assert script is not None
            file.write_bytes(script.read())
    return file.read_text(encoding="utf-8")


def violations(page, script: str) -> list[str]:
    """What axe finds on the page as it is: the rule, its help and the elements."""
    page.evaluate(script)  # through the debugger: the page's policy refuses scripts of others
    found = page.evaluate(
        f"async () => (await axe.run(document, {json.dumps(_OPTIONS)})).violations"
    )
    return [
        f"{v['id']}: {v['help']}: "
        + "; ".join(f"{node['target']} {node['failureSummary']}" for node in v["nodes"][:4])
        for v in found
    ]
