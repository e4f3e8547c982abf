"""What the documents name exists: links, files, settings and metrics. Commands: test_code_blocks.py."""

import re
from pathlib import Path

import pytest

from oncofhir.settings import known_variables
from oncofhir.settings.aliases import VARIABLES
from oncofhir.telemetry.metrics import DEFINITIONS, MetricKind

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "helm/oncofhir/README.md"]
)
# The changelog names what was, decisions what was decided then.
CURRENT = [d for d in DOCUMENTS if d.name != "CHANGELOG.md" and d.parent.name != "adr"]
PAGES = [
    d for d in DOCUMENTS if d.parent.name in {"tutorial", "how-to", "explanation", "reference"}
]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
VARIABLE = re.compile(r"\bONCOFHIR_[A-Z0-9]+(?:__[A-Z0-9]+(?:_[A-Z0-9]+)*|(?:_[A-Z0-9]+)+)\b")
METRIC = re.compile(r"\boncofhir_[a-z][a-z_]+\b")
PATH = re.compile(r"`([a-z_]+(?:/[a-z0-9_.*-]+)+/?|[a-z_]+\.(?:py|toml))`")
SERIES = {MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count")}


def names(documents):
    return [str(document.relative_to(ROOT)) for document in documents]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_link_leads_to_a_file(document):
    missing = [
        target
        for target in LINK.findall(document.read_text())
        if not (document.parent / target).exists()
    ]
    assert not missing


def test_readme_links_every_page():
    # the page about alerts links the page of each
    linked = {
        (document.parent / target).resolve()
        for document in (ROOT / "README.md", ROOT / "docs/how-to/watch-the-service.md")
        for target in LINK.findall(document.read_text())
    }
    pages = {d for d in ROOT.glob("docs/**/*.md") if d.parent.name != "adr"}
    assert pages <= linked
    assert ROOT / "docs/adr" in linked


@pytest.mark.parametrize("document", PAGES, ids=names(PAGES))
def test_a_page_names_its_audience_and_type(document):
    first = document.read_text().split("\n\n")[1]
    assert re.search(
        r"Audience: .+\. Type: (how-to|reference|tutorial|explanation)\.", first, re.DOTALL
    )


@pytest.mark.parametrize("document", CURRENT, ids=names(CURRENT))
def test_every_setting_exists(document):
    known = {*known_variables(), "ONCOFHIR_CONFIG"}
    if document.name == "settings.md":
        known |= set(VARIABLES)
    named = set(VARIABLE.findall(document.read_text()))
    assert {name for name in named if name not in known and "__" in name} == set()


@pytest.mark.parametrize("document", CURRENT, ids=names(CURRENT))
def test_every_metric_exists(document):
    known = {
        metric.name + suffix
        for metric in DEFINITIONS
        for suffix in ("", *SERIES.get(metric.kind, ()))
    }
    assert set(METRIC.findall(document.read_text())) <= known


def test_architecture_is_two_screens_and_names_what_exists():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= 100
    files = {p.relative_to(ROOT).as_posix() for p in (ROOT / "oncofhir").rglob("*")}
    for path in PATH.findall(text):
        pattern = path.rstrip("/")
        found = (
            any(file.endswith(f"/{pattern}") for file in files)
            or list(ROOT.glob(pattern))
            or any(Path(file).match(pattern) for file in files)
        )
        assert found, path
