"""What a person who sees the page for the first time can read and understand."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report

# The contrast of two colours (WCAG 2.2, 1.4.11), in the browser: from what it paints.
CONTRAST = """
([one, other]) => {
  const light = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const part = (n) => (n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pill_of_the_selected_row_stands_out(reviewed: Reviewed, chromium, scheme):
    with window(chromium, scheme=scheme) as page:
        page.goto(reviewed.url + "?review=unreviewed")
        page.keyboard.press("j")
        row = page.locator("tr.current")
        expect(row).to_have_count(1)
        background = row.evaluate("row => getComputedStyle(row).backgroundColor")
        edge = row.locator(".chip").first.evaluate("chip => getComputedStyle(chip).boxShadow")
        (colour,) = re.findall(r"(?:rgb|color)\([^)]*\)", edge)
        assert page.evaluate(CONTRAST, [colour, background]) >= 3


@pytest.mark.parametrize("width", [360, 820])
def test_a_value_stays_on_its_line_on_a_small_screen(reviewed: Reviewed, chromium, width):
    with window(chromium, size=(width, 700)) as page:
        page.goto(reviewed.url + "?review=unreviewed&kind=cancer-stage")
        values = page.locator("tbody .value a")
        lines = values.evaluate_all("all => all.map((value) => value.getClientRects().length)")
        assert lines
        assert set(lines) == {1}
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_row_says_what_report_it_is_of_and_why_it_has_no_confidence(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    page.goto(reviewed.url + "?review=unreviewed")
    row = page.locator("tbody tr", has_text="–").first
    expect(row.locator(".reference")).to_have_text(re.compile(r"(Report|Document) of 20\d\d-"))
    assert "DiagnosticReport" not in page.locator("tbody").inner_text()
    missing = page.locator("[title='The model gave no probability for this value']")
    assert missing.count()
    expect(page.locator(".pages")).to_contain_text("the model gave no probability for this value")


def test_a_stage_says_that_the_site_and_not_the_report_names_ajcc(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    named = DIAGNOSIS + " Stage IIA, pT2 pN0 (AJCC 8th edition)."
    for ident, text, is_assumed in (
        ("ajcc-assumed", DIAGNOSIS + " Stage IIA, pT2 pN0.", True),
        ("ajcc-named", named, False),
    ):
        store_report(reviewed, ident, text)
        open_report(page, reviewed, ident)
        stages = page.locator(".finding", has_text="American Joint Committee on Cancer")
        expect(stages.first).to_be_visible()
        assumed = stages.filter(has_text="AJCC is assumed by this site")
        assert assumed.count() == (stages.count() if is_assumed else 0)


def test_each_code_is_offered_once_and_found_by_its_synonyms(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    store_report(reviewed, "codes-once", DIAGNOSIS)
    open_report(page, reviewed, "codes-once")
    card = page.locator(".finding", has=page.get_by_role("heading", name="Histological")).first
    card.focus()
    page.keyboard.press("e")
    expect(card.locator("input[name=search]")).to_be_focused()
    codes = card.locator(".choices code")
    offered = codes.all_inner_texts()
    assert len(offered) == len(set(offered)) > 5
    card.locator("input[name=search]").fill("no special type")
    expect(card.locator(".choices label").first).to_contain_text("invasive ductal carcinoma")
    expect(codes.filter(has_text="82711006")).to_have_count(1)


def test_the_list_of_keys_has_the_focus_on_nothing_that_a_key_changes(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    page.goto(reviewed.url)
    page.keyboard.press("?")
    expect(page.locator("#keys-title")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#keys-on")).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_what_is_typed_while_a_form_is_loading_decides_nothing(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    store_report(reviewed, "typed-early", DIAGNOSIS)
    open_report(page, reviewed, "typed-early")
    card = page.locator(".finding").first
    card.focus()
    held = []
    page.route("**/correction?**", lambda route: held.append(route))  # noqa: PLW0108
    page.keyboard.press("e")
    page.keyboard.type("carcinoma")
    assert len(held) == 1
    held[0].continue_()
    expect(card.locator("input[name=search]")).to_be_focused()
    expect(card.locator(".chip").first).to_have_text("Unreviewed")
    expect(page.locator("#live")).to_be_empty()
    page.keyboard.press("Escape")
    page.keyboard.press("n")  # and then the keys work again
    expect(card.locator(".chip").first).to_have_text("Not sure")
