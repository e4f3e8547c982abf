"""The whole way with the keyboard: from the demo's findings to verdicts in the FHIR server."""

from playwright.sync_api import Page, expect

from tests.review.conftest import Reviewed
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report


def open_first(page: Page, url: str) -> None:
    """The first finding without a verdict: those of other tests with one may still be open."""
    page.goto(f"{url}?review=unreviewed&reason=unreviewed")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)


def current(page: Page) -> str:
    return page.evaluate("document.activeElement.closest('[data-item]').id")


def tab_to(page: Page, what: str) -> None:
    """Reach an element with Tab, as somebody without a mouse does."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"{what} is not reached with Tab")


def test_a_diagnosis_is_confirmed_by_key_and_the_condition_says_so(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    page.goto(reviewed.url)
    tab_to(page, "select[name=kind]")
    page.keyboard.type("Diagnosis")
    tab_to(page, ".filters button")
    page.keyboard.press("Enter")
    page.wait_for_url("**kind=diagnosis**")
    before = {c["id"] for c in confirmed(reviewed)}
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/**")
    card = current(page)
    expect(page.locator(f"#{card} h3")).to_contain_text("Diagnosis")
    page.keyboard.press("c")
    expect(page.locator("#live")).to_have_text("Diagnosis confirmed.")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Confirmed")
    (condition,) = [c for c in confirmed(reviewed) if c["id"] not in before]
    history = reviewed.all("Provenance", target=f"Condition/{condition['id']}")
    verified = [p for p in history if "verifier" in str(p["agent"])]
    assert verified, "no Provenance names who verified it"
    assert current(page) != card, "the next finding is not current"


def confirmed(reviewed: Reviewed) -> list[dict]:
    return [
        c
        for c in reviewed.all("Condition")
        if c["verificationStatus"]["coding"][0]["code"] == "confirmed"
    ]


def has_moved_on(page: Page, said: str) -> None:
    """Wait until the page has announced a verdict: at that moment it moves the focus to the next finding."""
    expect(page.locator("#live")).to_contain_text(said)


def test_refute_not_sure_and_undo_by_key(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    open_first(page, reviewed.url)
    card = current(page)
    page.keyboard.press("n")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Not sure")
    has_moved_on(page, "left for somebody else")
    page.locator(f"#{card}").focus()
    page.keyboard.press("r")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Refuted")
    has_moved_on(page, "refuted")
    page.locator(f"#{card}").focus()
    page.keyboard.press("u")
    expect(page.locator(f"#{card} .chip").first).not_to_have_text("Refuted")
    assert current(page) == card, "undo leaves the finding"


def test_undo_takes_back_the_last_verdict_after_the_focus_has_moved_on(
    reviewed: Reviewed, browser_page: Page
):
    page = browser_page
    page.goto(reviewed.url)  # the last report of the page: other tests decide on the first ones
    page.locator("tbody tr", has_text="Unreviewed").last.locator("a").first.click()
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)
    page.locator(".finding").first.focus()
    card = current(page)
    page.keyboard.press("r")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Refuted")
    expect(page.locator(f".finding:focus:not(#{card})")).to_have_count(1)
    assert page.locator(f"#{current(page)} [data-key='u']").count() == 0, (
        "the next one has no verdict"
    )
    page.keyboard.press("u")
    expect(page.locator(f"#{card} .chip").first).not_to_have_text("Refuted")


def test_entered_in_error_by_key_with_a_reason(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    page.goto(reviewed.url + "?kind=diagnosis&review=unreviewed")
    page.locator("tbody a").last.click()
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)
    card = current(page)
    before = {c["id"] for c in in_error(reviewed)}
    page.keyboard.press("x")
    expect(page.locator(f"#{card} input[name=comment]")).to_be_focused()
    page.keyboard.type("the report of another patient")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Entered in error")
    expect(page.locator(f"#{card} .history")).to_contain_text("the report of another patient")
    assert len([c for c in in_error(reviewed) if c["id"] not in before]) == 1
    page.locator(f"#{card}").focus()
    page.keyboard.press("u")
    expect(page.locator(f"#{card} .chip").first).not_to_have_text("Entered in error")


def in_error(reviewed: Reviewed) -> list[dict]:
    return [
        c
        for c in reviewed.all("Condition")
        if c["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    ]


def test_a_size_is_corrected_by_key(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    page.goto(reviewed.url + "?kind=tumor-size")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/**")
    card = current(page)
    quote = page.locator(f"#{card} .quote").first.inner_text()
    page.keyboard.press("e")
    expect(page.locator(f"#{card} input[name=search]")).to_be_focused()
    page.keyboard.type("3.7 cm")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(f"#{card} form.edit")).to_have_count(0)
    assert current(page) == card
    page.keyboard.press("e")
    expect(page.locator(f"#{card} input[name=search]")).to_be_focused()
    page.keyboard.type("3.7 cm")
    with page.expect_response(lambda r: "/findings/" in r.url and r.request.method == "POST"):
        page.keyboard.press("Enter")
    expect(page.locator(f"#{card} .answer")).to_have_text("37 mm")
    expect(page.locator(f"#{card} .chip").first).to_have_text("Corrected")
    assert page.locator(f"#{card} .quote").first.inner_text() == quote


def test_what_was_missed_is_added_at_words_that_are_typed(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    open_first(page, reviewed.url)
    page.keyboard.press("a")
    expect(page.locator("#missed input[name=words]")).to_be_focused()
    page.keyboard.type("words that no report has")
    page.keyboard.press("Enter")
    expect(page.locator("#missed [role=alert]")).to_contain_text("does not have these words")
    expect(page.locator("#missed input[name=words]")).to_have_value("words that no report has")


def test_what_was_seen_is_confirmed_together(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    store_report(reviewed, "seen", DIAGNOSIS)
    open_report(page, reviewed, "seen")
    cards = page.locator("[data-item][data-open]").count()
    unseen = page.locator("#confirm-seen [data-count]")
    expect(unseen).not_to_have_text(f"{cards} of {cards}")
    for _ in range(cards):
        page.keyboard.press("j")
        page.wait_for_timeout(1000)
    expect(unseen).to_have_text(f"{cards} of {cards}")
    page.keyboard.press("s")
    expect(page.locator("[data-item][data-open]")).to_have_count(0, timeout=60_000)
    expect(page.locator(".finding.confirmed").first).to_be_visible()


def test_the_keys_are_listed_and_can_be_turned_off(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    open_first(page, reviewed.url)
    card = current(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.locator("#keys-on").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_timeout(300)
    expect(page.locator(f"#{card} .chip").first).not_to_have_text("Confirmed")
