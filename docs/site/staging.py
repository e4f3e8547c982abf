"""Lays out the pages of the repository for Sphinx: what a link leads to, and the table of contents.

The pages are read on GitHub, too, so they hold no directives of Sphinx. Their paths stay as they are, so that
their links lead to the same files; a link to a folder leads to a list of its pages.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECISIONS = "docs/adr"
HOME = "README.md"
# In the order of the sidebar: caption, files. Pages of a folder are in alphabetical order of their titles.
SECTIONS: Mapping[str, Sequence[str]] = {
    "Tutorial": ("docs/tutorial/*.md",),
    "How-to": ("docs/how-to/*.md", "helm/oncofhir/README.md", "helm/oncofhir/UPGRADING.md"),
    "Explanation": ("docs/explanation/*.md", "ARCHITECTURE.md", "model/README.md"),
    "Reference": ("docs/reference/*.md", "docs/licences.md"),
    "Project": ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
}
_LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)")


class BrokenLinkError(Exception):
    """A page links to a file that does not exist, or to one outside of the repository."""


def stage(folder: Path) -> list[Path]:
    """Copy every page, and every file that a page links to, below `folder`; return the staged pages.

    Raises:
        BrokenLinkError: a link leads nowhere.
    """
    sections = {caption: _pages(patterns) for caption, patterns in SECTIONS.items()}
    pages = [ROOT / HOME, *(page for found in sections.values() for page in found)]
    decisions = sorted((ROOT / DECISIONS).glob("[0-9]*.md"))
    for page in (*pages, *decisions):
        _write(folder, page, _with_pages_for_folders(page))
        for target in links(page):
            if target.is_file() and target.suffix != ".md":
                _copy(folder, target)
    list_of_decisions = ROOT / DECISIONS / "README.md"
    _write(folder, list_of_decisions, _list_of(decisions))
    with (folder / HOME).open("a", encoding="utf-8") as home:
        for caption, found in sections.items():
            more = [list_of_decisions] if caption == "Project" else []
            home.write(_toctree(caption, [*found, *more]))
    return sorted(folder.rglob("*.md"))


def title_of(page: Path) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else page.stem


def links(page: Path) -> Iterator[Path]:
    """The files and folders that a page links to by a relative path.

    Raises:
        BrokenLinkError: there is no such file, or it lies outside of the repository.
    """
    for _, target in _LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve()
        if not path.exists() or ROOT not in path.parents:
            raise BrokenLinkError(f"{page.relative_to(ROOT)}: {target} does not exist")
        yield path


def _pages(patterns: Sequence[str]) -> list[Path]:
    return [page for pattern in patterns for page in sorted(ROOT.glob(pattern), key=title_of)]


def _with_pages_for_folders(page: Path) -> str:
    def replaced(found: re.Match[str]) -> str:
        path = page.parent / found[2]
        return f"{found[0].rstrip('/')}/README.md" if path.is_dir() else found[0]

    return _LINK.sub(replaced, page.read_text(encoding="utf-8"))


def _write(folder: Path, page: Path, text: str) -> None:
    path = folder / page.relative_to(ROOT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(folder: Path, file: Path) -> None:
    path = folder / file.relative_to(ROOT)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, path)


def _list_of(decisions: Sequence[Path]) -> str:
    names = "\n".join(page.name for page in decisions)
    return f"# Decisions\n\nWhat was decided, why, and what was not chosen.\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def _toctree(caption: str, pages: Sequence[Path]) -> str:
    names = "\n".join(f"/{page.relative_to(ROOT).as_posix()}" for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n:caption: {caption}\n\n{names}\n```\n"
