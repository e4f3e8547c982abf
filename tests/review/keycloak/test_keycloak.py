"""A login at Keycloak in Chromium: roles, a refused user, logout, a session that ends in a correction."""

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from oncofhir.demo.process import free_port
from oncofhir.demo.review_page import ReviewPage
from tests.review.conftest import Reviewed, window
from tests.review.keycloak.server import CLIENT, PASSWORD, SECRET, Keycloak

IDLE_MINUTES = 0.2
USERS = {
    "anne": ["oncofhir-reviewer"],
    "otto": ["oncofhir-auditor"],
    "gast": ["visitor"],
}


@pytest.fixture(scope="module")
def page_url(reviewed: Reviewed, tmp_path_factory) -> Iterator[str]:
    """A page whose users log in at Keycloak, and whose sessions end after 12 seconds without a request."""
    secret = tmp_path_factory.mktemp("secrets") / "secret"
    secret.write_text(SECRET)
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    with Keycloak(public, USERS) as keycloak:
        settings = reviewed.settings | {
            "ONCOFHIR_REVIEW__PUBLIC_URL": public,
            "ONCOFHIR_REVIEW__OIDC_ISSUER": keycloak.issuer,
            "ONCOFHIR_REVIEW__OIDC_CLIENT_ID": CLIENT,
            "ONCOFHIR_REVIEW__OIDC_CLIENT_SECRET_FILE": str(secret),
            "ONCOFHIR_REVIEW__ROLE_CLAIM": "realm_access.roles",
            "ONCOFHIR_REVIEW__SESSION_IDLE_MINUTES": str(IDLE_MINUTES),
        }
        with ReviewPage(settings, port) as process:
            yield process.url


def log_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Log in").click()
    page.wait_for_url("**/realms/hospital/**")
    page.locator("#username").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("#kc-login").click()


def first_report(page: Page) -> str:
    page.locator("tbody tr", has_text="Unreviewed").first.locator("a").first.click()
    page.wait_for_url("**/reports/**")
    return page.locator(".finding:focus").get_attribute("id")


def test_a_reviewer_of_a_realm_decides_under_their_name(page_url, reviewed, browser_page):
    page = browser_page
    log_in(page, page_url, "anne")
    expect(page.locator(".who")).to_contain_text("Anne Weber")
    expect(page.locator(".who")).to_contain_text("reviewer")
    first_report(page)
    page.keyboard.press("c")
    expect(page.locator("#live")).to_contain_text("confirmed.")
    agents = [
        str(p["agent"]) for p in reviewed.all("Provenance") if "Anne Weber" in str(p["agent"])
    ]
    assert agents
    assert "/realms/hospital" in agents[0], "the issuer tells which Anne Weber"


def test_an_auditor_of_a_realm_decides_nothing(page_url, browser_page):
    page = browser_page
    log_in(page, page_url, "otto")
    expect(page.locator(".who")).to_contain_text("auditor")
    first_report(page)
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)


def test_a_user_without_a_role_is_refused_and_told_which_they_need(page_url, browser_page):
    page = browser_page
    log_in(page, page_url, "gast")
    expect(page.locator("h1")).to_have_text("The login did not succeed")
    expect(page.locator("main")).to_contain_text("oncofhir-reviewer")
    page.goto(page_url)
    expect(page.locator("h1")).to_have_text("Log in to review findings")


def test_a_wrong_password_begins_no_session(page_url, browser_page):
    page = browser_page
    page.goto(page_url)
    page.get_by_role("link", name="Log in").click()
    page.locator("#username").fill("anne")
    page.locator("#password").fill("wrong")
    page.locator("#kc-login").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
    page.goto(page_url)
    expect(page.locator("h1")).to_have_text("Log in to review findings")


def test_after_a_logout_the_next_user_needs_a_password(page_url, browser_page):
    page = browser_page
    log_in(page, page_url, "anne")
    page.get_by_role("button", name="Log out").click()
    page.locator("#kc-logout").click()  # Keycloak asks, since it is given no ID token
    page.wait_for_url("**/login")
    expect(page.locator("h1")).to_have_text("Log in to review findings")
    page.get_by_role("link", name="Log in").click()
    expect(page.locator("#password")).to_be_visible()


def test_a_session_that_expires_in_a_correction_loses_nothing(page_url, chromium):
    with window(chromium) as page:
        log_in(page, page_url, "anne")
        page.goto(page_url + "?kind=tumor-size")
        card = first_report(page)
        page.keyboard.press("e")
        search = page.locator(f"#{card} input[name=search]")
        expect(search).to_be_focused()
        page.keyboard.type("5.2 cm")
        page.wait_for_timeout(IDLE_MINUTES * 60_000 + 2_000)
        save = page.locator(f"#{card}").get_by_role("button", name="Save the correction")
        save.click()
        expect(page.locator("dialog[open]")).to_contain_text("Your session has ended")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Log in in a new tab").click()
        tab = opened.value
        tab.get_by_role("link", name="Log in").click()
        expect(tab.locator("h1")).to_have_text(
            "You are logged in again"
        )  # Keycloak still knows them
        page.get_by_role("button", name="Back to the form").click()
        expect(search).to_have_value("5.2 cm")
        save.click()
        expect(page.locator(f"#{card} .answer")).to_have_text("52 mm")


def test_a_code_of_another_login_is_refused(page_url):
    answer = httpx2.get(f"{page_url}callback?code=stolen&state=other", trust_env=False)
    assert answer.status_code == 403
    assert "not started in this browser" in answer.text
