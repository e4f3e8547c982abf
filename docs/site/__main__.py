"""Builds the documentation site: `python -m docs.site`. Warnings are errors.

Internal links and anchors are checked always. External links need the internet: `--external-links` checks them.
"""

import argparse
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site.staging import ROOT, BrokenLinkError, stage

_BUILD = ROOT / "build" / "docs"
_INDEX = '<!doctype html><title>oncofhir</title><meta http-equiv="refresh" content="0; url=README.html">\n'


def main() -> int:
    """Return 0, or 1 when a page has a fault."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument("--external-links", action="store_true", help="request every external link")
    parser.add_argument("--output", type=Path, default=_BUILD / "html", help="folder of the site")
    arguments = parser.parse_args()
    staged = _BUILD / "pages"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(arguments.output, ignore_errors=True)
    try:
        pages = stage(staged)
    except BrokenLinkError as error:
        print(error, file=sys.stderr)
        return 1
    strict = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]
    folders = ["-c", str(Path(__file__).parent), "-d", str(_BUILD / "doctrees"), str(staged)]
    if build_main(["-b", "html", *strict, *folders, str(arguments.output)]):
        return 1
    (arguments.output / "index.html").write_text(_INDEX, encoding="utf-8")
    print(f"{len(pages)} pages, without warnings: {arguments.output / 'index.html'}")
    if not arguments.external_links:
        print(
            "External links were not checked: ARGS=--external-links does, on a machine with internet"
        )
        return 0
    return min(1, build_main(["-b", "linkcheck", *folders, str(_BUILD / "links")]))


if __name__ == "__main__":
    sys.exit(main())
