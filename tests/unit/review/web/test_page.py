import hashlib
from importlib.resources import files

import pytest

from oncofhir.review.web.page import safe_path
from oncofhir.review.web.rendering import STATIC_FILES, new_environment, percent

# sha256 of dist/htmx.min.js in the npm package htmx.org 2.0.11
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/reports/7", "/reports/7"),
        ("/reports/7?page=2", "/reports/7?page=2"),
        ("//evil.example.org", "/"),
        ("/\\evil.example.org", "/"),
        ("https://evil.example.org", "/"),
        ("/a\r\nset-cookie: x", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_a_login_leads_to_this_page_only(path, expected):
    assert safe_path(path) == expected


def test_only_one_is_a_hundred_per_cent():
    assert [percent(x) for x in (0, 0.004, 0.945, 0.9999, 1)] == [
        "0 %",
        "0 %",
        "95 %",
        "99 %",
        "100 %",
    ]


def test_htmx_is_the_file_of_its_package():
    folder = files("oncofhir.review.web") / "static"
    name = next(name for name in STATIC_FILES if "htmx-2.0.11" in name)
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == HTMX


def test_every_template_compiles_and_none_switches_escaping_off():
    environment = new_environment()
    assert environment.autoescape is True
    for name in environment.list_templates():
        environment.get_template(name)
        source = environment.loader.get_source(environment, name)[0]
        assert "|safe" not in source.replace(" ", "")
        assert "<script>" not in source
        assert " style=" not in source  # the policy refuses inline styles and scripts
        assert " onclick=" not in source
