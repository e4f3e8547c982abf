"""The site has every page, and links that lead nowhere are found."""

import re

import pytest

from docs.site import staging
from docs.site.staging import ROOT, BrokenLinkError, links, stage


def test_every_page_is_staged_and_in_the_table_of_contents(tmp_path):
    pages = {page.relative_to(tmp_path).as_posix() for page in stage(tmp_path)}
    home = (tmp_path / "README.md").read_text()
    named = set(re.findall(r"^/(.+\.md)$", home, re.MULTILINE))
    decisions = {page for page in pages if re.match(r"docs/adr/\d", page)}
    assert named | decisions | {"README.md"} == pages
    assert {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/**/*.md")} <= pages


def test_a_link_to_a_folder_leads_to_a_list_of_its_pages(tmp_path):
    stage(tmp_path)
    assert "](docs/adr/README.md)" in (tmp_path / "README.md").read_text()
    assert "0001-a-direct-http-client-for-tgi.md" in (tmp_path / "docs/adr/README.md").read_text()


@pytest.mark.parametrize("target", ["missing.md", "../outside.md", "/etc/passwd"])
def test_a_link_that_leads_nowhere_is_an_error(tmp_path, monkeypatch, target):
    monkeypatch.setattr(staging, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"[a](page.md) [b]({target}) [c](https://example.org)")
    with pytest.raises(BrokenLinkError, match=re.escape(target)):
        list(links(page))
