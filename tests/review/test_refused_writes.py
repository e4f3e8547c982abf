"""A FHIR server that refuses what is written: said in words, nothing typed is lost, nothing of it is quoted."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from oncofhir.demo.review_page import ReviewPage
from tests.fhir_gate import CANARY, Gate, gate_before
from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report

TRANSACTION = ("POST", "transaction")


@dataclass
class Gated:
    """A page whose FHIR server is behind a gate."""

    url: str
    process: ReviewPage
    gate: Gate


@pytest.fixture(scope="module")
def _gated(reviewed: Reviewed) -> Iterator[Gated]:
    with gate_before(reviewed.fhir) as (base_url, gate):
        settings = reviewed.settings | {"ONCOFHIR_FHIR__BASE_URL": base_url}
        with ReviewPage(settings) as process:
            yield Gated(process.url, process, gate)


@pytest.fixture
def gated(_gated: Gated) -> Iterator[Gated]:
    yield _gated
    _gated.gate.refuses.clear()
    assert CANARY not in _gated.process.log_file.read_text()


def open_correction(page: Page, url: str) -> Locator:
    """The card of a size that nobody has reviewed, with its form of correction filled in."""
    page.goto(f"{url}?kind=tumor-size&review=unreviewed")
    page.locator("tbody a").first.click()
    page.wait_for_url("**/reports/**")
    card = page.locator(f"#{page.locator('.finding:focus').get_attribute('id')}")
    page.keyboard.press("e")
    expect(card.locator("input[name=search]")).to_be_focused()
    page.keyboard.type("3.3 cm")
    card.locator("input[name=comment]").fill("the margin was measured instead")
    return card


def save(card: Locator) -> None:
    card.get_by_role("button", name="Save the correction").click()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (422, "The FHIR server refuses this verdict. Nothing was saved."),
        (403, "The FHIR server cannot be used right now. Nothing was saved"),
        (503, "The FHIR server cannot be used right now. Nothing was saved"),
    ],
)
def test_a_correction_that_is_refused_stays_in_the_form(gated, chromium, axe_script, status, said):
    with window(chromium) as page:
        card = open_correction(page, gated.url)
        before = card.locator(".answer").inner_text()
        gated.gate.refuses[TRANSACTION] = status
        page.set_default_timeout(60_000)
        save(card)
        expect(page.locator("dialog[open]")).to_contain_text(said, timeout=60_000)
        assert CANARY not in page.content()
        assert not axe.violations(page, axe_script)
        page.get_by_role("button", name="Close").click()
        expect(card.locator("input[name=search]")).to_have_value("3.3 cm")
        expect(card.locator("input[name=comment]")).to_have_value("the margin was measured instead")
        expect(card.locator(".answer")).to_have_text(before)
        if status != 422:
            return
        gated.gate.refuses.clear()
        save(card)
        expect(card.locator(".answer")).to_have_text("33 mm")


def test_what_was_missed_and_is_refused_stays_in_the_form(gated, reviewed, browser_page):
    page = browser_page
    store_report(reviewed, "refused", DIAGNOSIS)
    open_report(page, gated, "refused")
    page.keyboard.press("a")
    missed = page.locator("#missed")
    missed.locator("input[name=words]").fill("ER positive")
    missed.locator("select[name=kind]").select_option("cancer-grade")
    missed.locator("input[name=search]").fill("3")
    gated.gate.refuses[TRANSACTION] = 422
    missed.get_by_role("button", name="Add the finding").click()
    expect(page.locator("dialog[open]")).to_contain_text("refuses this verdict")
    page.get_by_role("button", name="Close").click()
    expect(missed.locator("input[name=words]")).to_have_value("ER positive")
    expect(missed.locator("input[name=search]")).to_have_value("3")
    expect(missed.locator("select[name=kind]")).to_have_value("cancer-grade")


def test_what_was_seen_and_is_refused_is_said_with_its_number(gated, browser_page):
    page = browser_page
    page.goto(f"{gated.url}?kind=diagnosis&review=unreviewed")
    page.locator("tbody a").last.click()
    page.wait_for_url("**/reports/**")
    page.wait_for_timeout(1200)
    gated.gate.refuses[TRANSACTION] = 422
    page.keyboard.press("s")
    expect(page.locator("h1")).to_have_text("Not saved")
    expect(page.locator("main")).to_contain_text("0 confirmed.")
    expect(page.locator("main")).to_contain_text("not saved: changed or deleted meanwhile, or")


def test_a_view_that_cannot_be_recorded_shows_nothing(gated, chromium, axe_script):
    with window(chromium) as page:
        page.goto(gated.url)
        gated.gate.refuses["POST", "/AuditEvent"] = 403
        page.locator("tbody a").first.click()
        expect(page.locator("h1")).to_have_text("The view could not be recorded")
        expect(page.locator(".text")).to_have_count(0)
        assert CANARY not in page.content()
        assert not axe.violations(page, axe_script)
