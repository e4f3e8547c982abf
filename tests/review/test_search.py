"""The search for values in the form of a correction and of what was missed: what is shown is what is saved."""

from playwright.sync_api import Locator, Page, expect

from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report


def open_correction(page: Page, reviewed: Reviewed, ident: str, name: str) -> Locator:
    store_report(reviewed, ident, DIAGNOSIS)
    open_report(page, reviewed, ident)
    card = page.locator(".finding", has=page.get_by_role("heading", name=name)).first
    card.focus()
    page.keyboard.press("e")
    expect(card.locator("input[name=search]")).to_be_focused()
    return card


def test_each_search_replaces_the_values_of_the_one_before(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    card = open_correction(page, reviewed, "search-twice", "Diagnosis")
    choices = card.locator(".choices")
    for word in ("kidney", "colon"):
        card.locator("input[name=search]").fill(word)
        expect(choices.locator("label").first).to_contain_text(word)
        expect(choices).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    chosen = choices.locator("label", has=page.locator("input:checked"))
    value = chosen.locator("span").first.inner_text().split("\n")[0]
    page.keyboard.press("Enter")
    expect(card.locator(".chip").first).to_have_text("Corrected")
    assert card.locator(".answer").inner_text() in value
    assert "colon" in value


def test_what_is_typed_after_a_choice_is_what_is_saved(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    card = open_correction(page, reviewed, "search-typed", "Cancer grade")
    card.locator(".choices input").last.check()
    card.locator("input[name=search]").focus()
    page.keyboard.type("1")
    page.keyboard.press("Enter")  # sooner than the search answers
    expect(card.locator(".chip").first).to_have_text("Corrected")
    expect(card.locator(".answer")).to_have_text("1")


def test_another_phenotype_has_other_values(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    store_report(reviewed, "search-kind", DIAGNOSIS)
    open_report(page, reviewed, "search-kind")
    page.keyboard.press("a")
    missed = page.locator("#missed")
    expect(missed.locator("[data-autofocus]")).to_be_focused()  # only then do its fields listen
    missed.locator("input[name=search]").focus()
    values = missed.locator(".values label")
    expect(values.first).to_be_visible()
    missed.locator("select[name=kind]").select_option("tumor-laterality")
    expect(values.filter(has_text="left").first).to_be_visible()


def test_the_keys_are_listed_on_a_tablet_too(reviewed: Reviewed, chromium):
    with window(chromium, size=(820, 1180), has_touch=True) as page:
        page.goto(reviewed.url)
        page.get_by_role("button", name="Keys").click()
        expect(page.locator("#keys kbd").first).to_be_visible()
