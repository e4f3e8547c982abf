"""Two windows, impatient fingers, a slow server and one that is gone: each verdict counts once, or is said not to."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from oncofhir.demo.review_page import ReviewPage
from tests.fhir_gate import Gate, gate_before
from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report


def card_of(page: Page, name: str) -> Locator:
    return page.locator(".finding", has=page.get_by_role("heading", name=name)).first


def verdicts(reviewed: Reviewed, ident: str) -> list[dict]:
    """The Provenances of a patient's findings that name a verifier."""
    found = []
    for kind in ("Condition", "Observation"):
        for resource in reviewed.all(kind, subject=f"Patient/{ident}"):
            found += reviewed.all("Provenance", target=f"{kind}/{resource['id']}")
    return [p for p in {p["id"]: p for p in found}.values() if "verifier" in json.dumps(p)]


def test_the_second_of_two_windows_is_shown_what_the_first_did(reviewed: Reviewed, chromium):
    store_report(reviewed, "windows", DIAGNOSIS)
    with window(chromium) as first:
        open_report(first, reviewed, "windows")
        second = first.context.new_page()
        second.goto(first.url)
        card_of(first, "Cancer grade").get_by_role("button", name="Confirm").click()
        expect(card_of(first, "Cancer grade").locator(".chip").first).to_have_text("Confirmed")
        late = card_of(second, "Cancer grade")
        late.get_by_role("button", name="Refute").click()
        alert = late.locator("[role=alert]")
        expect(alert).to_contain_text("Changed in another window. You changed this finding")
        alert.get_by_role("link", name="Load the report again").click()
        expect(card_of(second, "Cancer grade").locator(".chip").first).to_have_text("Confirmed")
    assert len(verdicts(reviewed, "windows")) == 1


def test_a_double_click_and_a_key_held_down_decide_once(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    store_report(reviewed, "double", DIAGNOSIS)
    open_report(page, reviewed, "double")
    card_of(page, "Cancer grade").get_by_role("button", name="Confirm").dblclick()
    expect(card_of(page, "Cancer grade").locator(".chip").first).to_have_text("Confirmed")
    expect(page.locator("#live")).to_contain_text("confirmed")  # and the focus has moved on
    size = card_of(page, "Tumor size")
    size.focus()
    for _ in range(8):  # without a release in between: the browser marks them as repeated
        page.keyboard.down("c")
        page.wait_for_timeout(150)
    page.keyboard.up("c")
    expect(size.locator(".chip").first).to_have_text("Confirmed")
    expect(page.locator(".finding.confirmed")).to_have_count(2)
    assert len(verdicts(reviewed, "double")) == 2


def test_the_back_button_shows_what_was_decided(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    store_report(reviewed, "back", DIAGNOSIS)
    open_report(page, reviewed, "back")
    card = card_of(page, "Cancer grade")
    card.get_by_role("button", name="Refute").click()
    expect(card.locator(".chip").first).to_have_text("Refuted")
    page.get_by_role("link", name="Worklist", exact=True).click()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.go_back()
    expect(card.locator(".chip").first).to_have_text("Refuted")
    card.get_by_role("button", name="Undo").click()
    expect(card.locator(".chip").first).to_have_text("Unreviewed")


@pytest.fixture
def gated(reviewed: Reviewed) -> Iterator[tuple[ReviewPage, Gate]]:
    with gate_before(reviewed.fhir) as (base_url, gate):
        settings = reviewed.settings | {"ONCOFHIR_FHIR__BASE_URL": base_url}
        with ReviewPage(settings) as process:
            yield process, gate
            gate.holds = False


def test_a_slow_server_is_waited_for_and_a_page_that_is_gone_is_said(
    reviewed: Reviewed, gated: tuple[ReviewPage, Gate], chromium, axe_script
):
    process, gate = gated
    store_report(reviewed, "slow", DIAGNOSIS)
    with window(chromium) as page:
        open_report(page, Reviewed(process.url, reviewed.fhir, reviewed.settings), "slow")
        gate.holds = True
        card = card_of(page, "Cancer grade")
        card.get_by_role("button", name="Confirm").click()
        expect(page.locator("#live")).to_have_text("Saving …")
        card.get_by_role("button", name="Confirm").click()
        gate.holds = False
        expect(card.locator(".chip").first).to_have_text("Confirmed")
        expect(page.locator("#live")).to_have_text("Cancer grade confirmed.")
        size = card_of(page, "Tumor size")
        size.get_by_role("button", name="Correct").click()
        size.locator("input[name=search]").fill("4.1 cm")
        page.route("**/findings/**", lambda route: route.abort())
        size.get_by_role("button", name="Save the correction").click()
        expect(page.locator("dialog[open]")).to_contain_text("cannot be reached right now")
        assert not axe.violations(page, axe_script)
        page.get_by_role("button", name="Close").click()
        page.unroute_all()
        page.route(
            "**/findings/**",
            lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"),
        )
        size.get_by_role("button", name="Save the correction").click()
        expect(page.locator("dialog[open]")).to_contain_text("The answer had the status 502.")
        page.get_by_role("button", name="Close").click()
        expect(size.locator("input[name=search]")).to_have_value("4.1 cm")
        page.unroute_all()
        size.get_by_role("button", name="Save the correction").click()
        expect(size.locator(".answer")).to_have_text("41 mm")
    assert len(verdicts(reviewed, "slow")) == 2
