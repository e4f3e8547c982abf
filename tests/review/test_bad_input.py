"""What is wrong in a report or happens meanwhile: shown or said, never run, and never lost."""

import copy
import json

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.builders import attachment, diagnostic_report
from tests.review.conftest import Reviewed, window
from tests.review.seeded_store import seed

DIAGNOSIS = (
    "FINAL DIAGNOSIS:\nLEFT BREAST, LUMPECTOMY:\n"
    "- Invasive ductal carcinoma, grade 2, 2.1 cm.\n- ER positive.\n"
)
NOBODY = "00000000-0000-0000-0000-000000000000"
HOSTILE = (
    "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">\n"
    "CLINICAL HISTORY: right \u202etfel\u202c breast, zero\u200bwidth, null \x01 byte, {{ 7 * 7 }}\n\n"
) + DIAGNOSIS


def store_report(reviewed: Reviewed, ident: str, text: str) -> None:
    patient = {"resourceType": "Patient", "id": ident}
    report = diagnostic_report(
        ident,
        attachment(text),
        status="final",
        meta={"versionId": "1"},
        code={"text": "Surgical pathology report"},
        issued="2026-11-27T10:00:00Z",
        subject={"reference": f"Patient/{ident}"},
    )
    seed(reviewed.fhir, [patient, report])


def open_report(page: Page, reviewed: Reviewed, ident: str) -> None:
    """Wait until the worklist follows, and open a report of it."""
    link = page.locator(f"tr:has([title='DiagnosticReport/{ident}']) a").first
    for _ in range(60):
        page.goto(f"{reviewed.url}?sort=newest&body_site=breast&kind=diagnosis")
        if link.count():
            break
        page.wait_for_timeout(500)
    link.click()
    page.wait_for_url("**/reports/**")
    expect(page.locator(".finding:focus")).to_have_count(1)


@pytest.fixture(scope="module")
def hostile(reviewed: Reviewed) -> str:
    store_report(reviewed, "hostile", HOSTILE)
    return "hostile"


def test_markup_and_hidden_characters_are_shown_and_never_run(reviewed, hostile, browser_page):
    page = browser_page
    open_report(page, reviewed, hostile)
    text = page.locator(".words").all_inner_texts()
    assert "<script>document.title='run'</script><img src=x" in "".join(text)
    assert page.title() != "run"
    for code in ("U+202E", "U+202C", "U+200B", "U+0001"):
        expect(page.locator(".text .control", has_text=code)).to_have_count(1)
    assert "\u202e" not in page.content()
    assert "{{ 7 * 7 }}" in "".join(text)


def test_words_selected_behind_hidden_characters_are_the_words_added(
    reviewed, hostile, browser_page
):
    page = browser_page
    open_report(page, reviewed, hostile)
    page.evaluate(
        """() => {
          const piece = [...document.querySelectorAll('.words span')].find((s) => s.textContent.includes('zero'));
          const range = document.createRange();
          const at = piece.textContent.indexOf('breast');
          range.setStart(piece.firstChild, at);
          range.setEnd(piece.firstChild, at + 6);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }"""
    )
    page.keyboard.press("a")
    expect(page.locator("#missed .quote b")).to_have_text("breast")
    page.locator("#missed select[name=kind]").select_option("tumor-laterality")
    page.locator("#missed input[name=search]").fill("right")
    page.locator("#missed").get_by_role("button", name="Add the finding").click()
    page.wait_for_url("**finding=**")
    added = page.locator(".finding:focus")
    expect(added.locator(".answer")).to_have_text("right")
    expect(added).to_contain_text("Added by a reviewer")


def test_two_megabytes_of_text_are_shown(reviewed: Reviewed, browser_page: Page):
    filler = "Representative sections are submitted in toto, without further comment.\n" * 27_000
    store_report(reviewed, "long", filler + "\n" + DIAGNOSIS)
    page = browser_page
    page.set_default_timeout(60_000)
    open_report(page, reviewed, "long")
    mark = page.locator("mark.now").first
    expect(mark).to_be_in_viewport()
    assert page.evaluate("document.querySelector('.text').textContent.length") > 1_900_000


def changed_elsewhere(reviewed: Reviewed, ident: str) -> None:
    """Correct the size by a PUT from outside, as an EHR does."""
    (size,) = [
        o
        for o in reviewed.all("Observation", subject=f"Patient/{ident}")
        if '"mm"' in json.dumps(o)
    ]
    changed = copy.deepcopy(size)
    for part in (changed, *changed.get("component", ())):
        if "valueQuantity" in part:
            part["valueQuantity"]["value"] = 24
    changed["status"] = "amended"
    reviewed.put(changed)


def test_who_was_faster_is_said_with_the_difference(reviewed: Reviewed, browser_page: Page):
    store_report(reviewed, "raced", DIAGNOSIS)
    page = browser_page
    open_report(page, reviewed, "raced")
    card = page.locator(".finding", has_text="Tumor size")
    expect(card.locator(".answer")).to_have_text("21 mm")
    changed_elsewhere(reviewed, "raced")
    card.get_by_role("button", name="Refute").click()
    conflict = card.locator("[role=alert]")
    expect(conflict).to_contain_text("Somebody was faster")
    expect(conflict.locator("table")).to_contain_text("24")
    conflict.get_by_role("link", name="Load the report again").click()
    page.wait_for_url("**finding=**")
    for _ in range(30):  # until the worklist has followed the edit
        if card.locator(".answer").inner_text() == "24 mm":
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(card.locator(".answer")).to_have_text("24 mm")


def test_a_report_that_is_gone_leaves_its_findings(reviewed: Reviewed, browser_page: Page):
    store_report(reviewed, "gone", DIAGNOSIS)
    page = browser_page
    open_report(page, reviewed, "gone")
    address = page.url
    answer = httpx2.delete(f"{reviewed.fhir}/DiagnosticReport/gone", trust_env=False)
    assert answer.is_success
    page.goto(address)
    expect(page.locator(".source")).to_contain_text("The report is gone")
    expect(page.locator(".finding .answer").first).to_be_visible()


def test_a_finding_that_is_no_more_is_said(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    page.goto(reviewed.url)
    page.locator("tbody a").first.click()
    page.wait_for_url("**/reports/**")
    form = page.locator(".verdicts form").first
    answer = page.request.post(
        reviewed.url + "reports/" + NOBODY + "/findings/" + NOBODY,
        form={
            "form_token": form.locator("input[name=form_token]").get_attribute("value"),
            "verdict": "confirm",
            "version": "1",
        },
    )
    assert answer.status == 404
    assert "Nothing was saved" in answer.text()


def test_nothing_of_a_report_is_in_addresses_headers_or_the_browsers_memory(
    reviewed: Reviewed, hostile, chromium
):
    with window(chromium) as page:
        seen: list[str] = []
        page.on(
            "response",
            lambda answer: seen.append(json.dumps([answer.url, answer.headers])),
        )
        open_report(page, reviewed, hostile)
        page.keyboard.press("c")
        expect(page.locator("#live")).to_contain_text("confirmed")
        pages = [s for s in seen if "/static/" not in s]
        assert all('"cache-control": "no-store"' in s for s in pages)
        assert not any(word in s for s in seen for word in ("hostile", "ductal", "21 mm"))
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert not any(word in kept for word in ("hostile", "ductal", "21 mm"))
