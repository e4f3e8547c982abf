"""axe-core finds nothing on any page, light or dark; and the screenshots of the docs."""

import pytest
from playwright.sync_api import Page, expect

from tests.review import axe
from tests.review.conftest import Reviewed, window

MAX_IMAGE_BYTES = 300_000


def open_report(page: Page, url: str, kind: str = "diagnosis") -> None:
    page.goto(f"{url}?kind={kind}&sort=newest")
    page.locator("tbody a").first.click()
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)


def worklist(page, url):
    page.goto(url)


def nothing_matches(page, url):
    page.goto(f"{url}?site=nowhere")


def report(page, url):
    open_report(page, url)


def breast_report(page, url):
    """The demo's report with the most findings."""
    page.goto(f"{url}?kind=diagnosis&body_site=breast")
    page.locator("tr:has([title='DiagnosticReport/breast-left-1']) a").click()
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)


def breast_correction(page, url):
    breast_report(page, url)
    page.keyboard.press("e")
    expect(page.locator("form.edit input[name=search]")).to_be_focused()


def correction(page, url):
    open_report(page, url)
    page.keyboard.press("e")
    expect(page.locator("form.edit input[name=search]")).to_be_focused()


def missed(page, url):
    open_report(page, url)
    page.keyboard.press("a")
    expect(page.locator("#missed input[name=words]")).to_be_focused()


def rejected_and_history(page, url):
    open_report(page, url, "tumor-site")
    for summary in page.locator("details > summary").all():
        summary.click()


def keys(page, url):
    page.goto(url)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def agreement(page, url):
    page.goto(f"{url}agreement")


def no_such_page(page, url):
    page.goto(f"{url}reports/00000000-0000-0000-0000-000000000000")


PAGES = (
    worklist,
    nothing_matches,
    report,
    correction,
    missed,
    rejected_and_history,
    keys,
    agreement,
    no_such_page,
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(reviewed: Reviewed, chromium, axe_script, scheme):
    found = {}
    with window(chromium, scheme=scheme) as page:
        for shown in PAGES:
            shown(page, reviewed.url)
            if violations := axe.violations(page, axe_script):
                found[shown.__name__] = violations
    assert not found


def test_axe_finds_nothing_on_a_tablet(reviewed: Reviewed, chromium, axe_script):
    with window(chromium, size=(820, 1180), has_touch=True) as page:
        report(page, reviewed.url)
        assert not axe.violations(page, axe_script)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_knows_a_fault_when_it_sees_one(reviewed: Reviewed, chromium, axe_script):
    with window(chromium) as page:
        worklist(page, reviewed.url)
        page.evaluate(
            "document.querySelector('select[name=kind]').closest('label').replaceWith("
            "document.querySelector('select[name=kind]'))"
        )
        assert any("select-name" in v for v in axe.violations(page, axe_script))


def test_the_choice_of_colours_wins_over_the_system(reviewed: Reviewed, chromium):
    background = "getComputedStyle(document.body).backgroundColor"
    with window(chromium, scheme="light") as page:
        worklist(page, reviewed.url)
        light = page.evaluate(background)
        page.get_by_role("button", name="Switch to dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate(background) != light


@pytest.mark.parametrize(
    ("name", "shown", "scheme", "size"),
    [
        ("worklist", worklist, "light", (1280, 800)),
        ("report-light", breast_report, "light", (1280, 800)),
        ("report-dark", breast_report, "dark", (1280, 800)),
        ("report-tablet", breast_report, "light", (820, 1180)),
        ("correction", breast_correction, "light", (1280, 800)),
    ],
)
def test_screenshots_of_the_docs(reviewed: Reviewed, chromium, images, name, shown, scheme, size):
    file = images / f"review-{name}.png"
    with window(chromium, scheme=scheme, size=size, has_touch=size[0] < size[1]) as page:
        shown(page, reviewed.url)
        page.mouse.move(0, 0)
        page.wait_for_timeout(900)  # until what is in view counts as seen
        page.screenshot(path=file)
    assert 10_000 < file.stat().st_size < MAX_IMAGE_BYTES
