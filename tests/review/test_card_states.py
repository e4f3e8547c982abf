"""Cards after each verdict, and their history: axe-core finds nothing, on a desktop and a tablet, light and dark."""

import pytest
from playwright.sync_api import Page, expect

from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report

DESKTOP, TABLET = (1280, 800), (820, 1180)


def decide(page: Page, name: str, verdict: str) -> None:
    card = page.locator(".finding", has=page.get_by_role("heading", name=name)).first
    card.get_by_role("button", name=verdict).first.click()
    expect(page.locator("#live")).to_contain_text(name)


@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESKTOP), ("dark", DESKTOP), ("light", TABLET), ("dark", TABLET)],
    ids=["light-desktop", "dark-desktop", "light-tablet", "dark-tablet"],
)
def test_cards_with_every_verdict_and_their_history(
    reviewed: Reviewed, chromium, axe_script, scheme, size, request
):
    ident = "cards-" + request.node.callspec.id
    store_report(reviewed, ident, DIAGNOSIS)
    with window(chromium, scheme=scheme, size=size, has_touch=size == TABLET) as page:
        open_report(page, reviewed, ident)
        decide(page, "Diagnosis", "Confirm")
        decide(page, "Histological type", "Refute")
        decide(page, "Cancer grade", "Not sure")
        size_card = page.locator(".finding", has_text="Tumor size").first
        size_card.get_by_role("button", name="Correct").click()
        size_card.locator("input[name=search]").fill("4.1 cm")
        size_card.get_by_role("button", name="Save the correction").click()
        expect(size_card.locator(".answer")).to_have_text("41 mm")
        for status in ("Confirmed", "Refuted", "Not sure", "Corrected"):
            expect(page.locator(".chip", has_text=status).first).to_be_visible()
        assert not axe.violations(page, axe_script)
        page.reload()
        for summary in page.locator("details > summary").all():
            summary.click()
        history = page.locator(".history").last
        expect(history).to_contain_text("Diagnosis: confirmed by you")
        expect(history).to_contain_text("Cancer grade: not sure by you")
        assert "urn:" not in history.inner_text()
        for at in (0, 150, 300, 450):  # wherever the cards are scrolled to, nothing lies over them
            page.locator(".cards-of-report").evaluate("(pane, at) => { pane.scrollTop = at }", at)
            assert not axe.violations(page, axe_script)
        page.goto(f"{reviewed.url}?review=refuted")
        expect(page.locator("tbody tr").first).to_be_visible()
        assert not axe.violations(page, axe_script)


def test_the_form_of_a_correction_is_shown_with_the_button_that_saves(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    store_report(reviewed, "cards-form", DIAGNOSIS)
    open_report(page, reviewed, "cards-form")
    card = page.locator(".finding", has_text="Cancer grade").first
    card.focus()
    page.keyboard.press("e")
    save = card.get_by_role("button", name="Save the correction")
    expect(save).to_be_in_viewport(ratio=1)
    expect(card.locator("input[name=search]")).to_be_in_viewport(ratio=1)
