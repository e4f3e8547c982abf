"""Logins at a real OpenID provider and from an EHR; roles, expired sessions, forms of other sites."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from playwright.sync_api import Page, expect

from oncofhir.demo.process import free_port
from oncofhir.demo.review_page import ReviewPage
from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.ehr import Ehr, ehr, openid_provider


@dataclass
class Guarded:
    """A page that wants a login, its log, and the EHR that may launch it."""

    url: str
    process: ReviewPage
    ehr: Ehr


@pytest.fixture(scope="module")
def guarded(reviewed: Reviewed, tmp_path_factory) -> Iterator[Guarded]:
    secret = tmp_path_factory.mktemp("secrets") / "secret"
    secret.write_text("the client's secret")
    port = free_port()
    with openid_provider() as issuer, ehr(issuer) as launching:
        settings = reviewed.settings | {
            "ONCOFHIR_REVIEW__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "ONCOFHIR_REVIEW__OIDC_ISSUER": issuer,
            "ONCOFHIR_REVIEW__OIDC_CLIENT_ID": "review",
            "ONCOFHIR_REVIEW__OIDC_CLIENT_SECRET_FILE": str(secret),
            "ONCOFHIR_REVIEW__SMART_ISSUERS": launching.base_url,
            "ONCOFHIR_REVIEW__SMART_CLIENT_ID": "review",
            "ONCOFHIR_REVIEW__SMART_CLIENT_SECRET_FILE": str(secret),
        }
        with ReviewPage(settings, port) as process:
            yield Guarded(process.url, process, launching)


def log_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("button", name=name, exact=True).click()


def first_report(page: Page) -> str:
    """Open the report of a finding that nobody has reviewed: other tests leave verdicts and conflicts."""
    page.locator("tbody tr", has_text="Unreviewed").first.locator("a").first.click()
    page.wait_for_url("**/reports/**")
    return page.locator(".finding:focus").get_attribute("id")


def test_a_reviewer_logs_in_and_their_verdict_names_them(guarded: Guarded, reviewed, browser_page):
    page = browser_page
    log_in(page, guarded.url, "anne")
    expect(page.locator(".who")).to_contain_text("Anne")
    expect(page.get_by_role("link", name="Agreement")).to_have_count(0)
    first_report(page)
    page.keyboard.press("c")
    expect(page.locator("#live")).to_contain_text("confirmed.")
    names = [p["agent"] for p in reviewed.all("Provenance") if "Anne" in json.dumps(p["agent"])]
    assert names
    events = [e for e in reviewed.all("AuditEvent") if "Anne" in json.dumps(e["agent"])]
    assert events
    assert any(e["what"]["reference"].startswith("Patient/") for e in events[0]["entity"])


def test_an_auditor_sees_and_decides_nothing(guarded: Guarded, browser_page):
    page = browser_page
    log_in(page, guarded.url, "otto")
    first_report(page)
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
    page.get_by_role("link", name="Agreement").click()
    expect(page.locator("h1")).to_have_text("Agreement")


def test_an_auditor_cannot_decide_by_hand_either(guarded: Guarded, browser_page):
    page = browser_page
    log_in(page, guarded.url, "otto")
    card = first_report(page)
    address = page.url.partition("?")[0] + "/findings/" + card.removeprefix("f-")
    token = page.locator("input[name=form_token]").first.get_attribute("value")
    answer = page.request.post(address, form={"form_token": token, "verdict": "confirm"})
    assert answer.status == 403


def test_without_a_role_nobody_gets_in(guarded: Guarded, chromium, axe_script):
    with window(chromium) as page:
        page.goto(guarded.url)
        assert not axe.violations(page, axe_script)
        log_in(page, guarded.url, "gast")
        expect(page.locator("h1")).to_have_text("The login did not succeed")
        expect(page.locator("main")).to_contain_text("oncofhir-reviewer")
        page.goto(guarded.url)
        expect(page.locator("h1")).to_have_text("Log in to review findings")


def test_a_session_that_ends_in_a_correction_loses_nothing(guarded: Guarded, chromium, axe_script):
    with window(chromium) as page:
        log_in(page, guarded.url + "?kind=tumor-size", "anne")
        page.goto(guarded.url + "?kind=tumor-size")
        card = first_report(page)
        page.keyboard.press("e")
        expect(page.locator(f"#{card} input[name=search]")).to_be_focused()
        page.keyboard.type("4.4 cm")
        page.context.clear_cookies()
        page.locator(f"#{card}").get_by_role("button", name="Save the correction").click()
        expect(page.locator("dialog[open]")).to_contain_text("Your session has ended")
        assert not axe.violations(page, axe_script)
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Log in in a new tab").click()
        log_in_again = opened.value
        log_in_again.get_by_role("link", name="Log in").click()
        log_in_again.get_by_role("button", name="anne", exact=True).click()
        expect(log_in_again.locator("h1")).to_have_text("You are logged in again")
        page.get_by_role("button", name="Back to the form").click()
        expect(page.locator(f"#{card} input[name=search]")).to_have_value("4.4 cm")
        page.locator(f"#{card}").get_by_role("button", name="Save the correction").click()
        expect(page.locator(f"#{card} .answer")).to_have_text("44 mm")


def test_somebody_else_must_agree_to_send_what_another_user_typed(guarded: Guarded, chromium):
    with window(chromium) as page:
        log_in(page, guarded.url, "anne")
        card = first_report(page)
        page.context.clear_cookies()
        other = page.context.new_page()
        log_in(other, guarded.url, "ben")
        page.locator(f"#{card}").get_by_role("button", name="Not sure").click()
        expect(page.locator("dialog[open]")).to_contain_text("You are logged in as Ben")
        page.get_by_role("button", name="Back to the form").click()
        page.locator(f"#{card}").get_by_role("button", name="Not sure").click()
        expect(page.locator(f"#{card} .chip").first).to_have_text("Not sure")


def test_the_second_of_two_reviewers_is_told_who_was_first(guarded: Guarded, chromium):
    with window(chromium) as anne, window(chromium) as ben:
        log_in(anne, guarded.url, "anne")
        log_in(ben, guarded.url, "ben")
        card = first_report(anne)
        ben.goto(anne.url)
        anne.locator(f"#{card}").get_by_role("button", name="Refute").click()
        expect(anne.locator(f"#{card} .chip").first).to_have_text("Refuted")
        ben.locator(f"#{card}").get_by_role("button", name="Confirm").click()
        alert = ben.locator(f"#{card} [role=alert]")
        expect(alert).to_contain_text("Somebody was faster. Anne changed this finding")
        alert.get_by_role("link", name="Load the report again").click()
        expect(ben.locator(f"#{card} .history").first).to_contain_text("by Anne")


def test_a_form_of_another_site_is_refused(guarded: Guarded, browser_page):
    page = browser_page
    log_in(page, guarded.url, "anne")
    card = first_report(page)
    address = page.url.partition("?")[0] + "/findings/" + card.removeprefix("f-")
    for headers, form in (
        ({"sec-fetch-site": "cross-site"}, {"verdict": "confirm"}),
        ({}, {"verdict": "confirm"}),
        ({}, {"verdict": "confirm", "form_token": "x"}),
    ):
        answer = page.request.post(address, form=form, headers=headers)
        assert answer.status == 403
    page.reload()
    expect(page.locator(f"#{card} .chip").first).not_to_have_text("Confirmed")


def test_log_out_ends_the_session_and_leads_to_the_provider(guarded: Guarded, chromium, axe_script):
    with window(chromium) as page:
        log_in(page, guarded.url, "lea")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/oauth2/end_session**")
        page.goto(guarded.url)
        expect(page.locator("h1")).to_have_text("Log in to review findings")
        assert not axe.violations(page, axe_script)


def launch(page: Page, guarded: Guarded, context: dict, name: str = "anne") -> None:
    guarded.ehr.context = context
    page.goto(f"{guarded.url}launch?iss={guarded.ehr.base_url}&launch=launch-7")
    page.get_by_role("button", name=name, exact=True).click()


def test_a_launch_with_a_patient_lists_their_findings(guarded: Guarded, reviewed, browser_page):
    page = browser_page
    launch(page, guarded, {"patient": "demo-07"})
    expect(page.locator(".notice")).to_contain_text("one patient")
    shown = int(page.locator(".page-heading .quiet").inner_text().split()[0])
    cookie = json.dumps(page.context.cookies())
    assert "demo-07" not in cookie
    assert "demo-07" not in page.url
    page.get_by_role("button", name="Show all patients").click()
    assert int(page.locator(".page-heading .quiet").inner_text().split()[0]) > shown > 0
    asked = guarded.ehr.requests[-1]
    assert asked["aud"] == guarded.ehr.base_url
    assert asked["code_challenge_method"] == "S256"


def test_a_launch_with_a_report_opens_it(guarded: Guarded, browser_page):
    page = browser_page
    report = "DiagnosticReport/bladder-turbt"
    launch(page, guarded, {"patient": "demo-07", "fhirContext": [{"reference": report}]})
    page.wait_for_url("**/reports/**")
    expect(page.locator(".facts")).to_contain_text(report)


def test_a_launch_with_a_report_that_has_no_findings_says_so(guarded: Guarded, browser_page):
    page = browser_page
    launch(page, guarded, {"fhirContext": [{"reference": "DiagnosticReport/nothing"}]})
    expect(page.locator("h1")).to_have_text("This report has no findings here")


def test_an_ehr_that_is_not_named_in_the_settings_is_refused(guarded: Guarded):
    address = f"{guarded.url}launch?iss=https://evil.example.org/fhir&launch=x"
    answer = httpx2.get(address, trust_env=False)
    assert answer.status_code == 403
    assert "ONCOFHIR_REVIEW__SMART_ISSUERS" in answer.text


def test_every_page_wants_a_login(guarded: Guarded):
    document = "00000000-0000-0000-0000-000000000000"
    for path in ("", "agreement", "next", f"reports/{document}", f"reports/{document}/missed"):
        answer = httpx2.get(guarded.url + path, trust_env=False)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path
    for path in ("codes", f"reports/{document}/seen", f"reports/{document}/findings/{document}"):
        assert httpx2.post(guarded.url + path, data={"a": "b"}, trust_env=False).status_code == 401


def test_another_name_of_this_machine_is_refused(guarded: Guarded):
    answer = httpx2.get(guarded.url, headers={"host": "evil.example.org"}, trust_env=False)
    assert answer.status_code == 400


def test_the_log_names_no_user_no_patient_and_no_report(guarded: Guarded):
    written = guarded.process.log_file.read_text()
    assert '"message": "verdict"' in written
    assert "logged in" in written
    for word in ("Anne", "anne", "demo-", "bladder", "carcinoma", "44 mm", "4.4 cm"):
        assert word not in written
