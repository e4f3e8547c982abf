"""axe-core finds nothing in the states that a report passes through, light and dark: conflict, choices, gone."""

import json

import httpx2
import pytest
from playwright.sync_api import expect

from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, changed_elsewhere, open_report, store_report

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@SCHEMES
def test_a_conflict_with_its_differences(reviewed: Reviewed, chromium, axe_script, scheme):
    store_report(reviewed, f"conflict-{scheme}", DIAGNOSIS)
    with window(chromium, scheme=scheme) as page:
        open_report(page, reviewed, f"conflict-{scheme}")
        changed_elsewhere(reviewed, f"conflict-{scheme}")
        card = page.locator(".finding", has_text="Tumor size")
        card.get_by_role("button", name="Confirm").click()
        expect(card.locator("[role=alert]")).to_contain_text("Somebody was faster")
        assert not axe.violations(page, axe_script)


@SCHEMES
def test_words_that_occur_several_times(reviewed: Reviewed, chromium, axe_script, scheme):
    store_report(
        reviewed, f"several-{scheme}", DIAGNOSIS + "COMMENT: The carcinoma is a carcinoma.\n"
    )
    with window(chromium, scheme=scheme) as page:
        open_report(page, reviewed, f"several-{scheme}")
        page.keyboard.press("a")
        missed = page.locator("#missed")
        missed.locator("input[name=words]").fill("carcinoma")
        missed.locator("select[name=kind]").select_option("cancer-grade")
        missed.locator("input[name=search]").fill("3")
        missed.get_by_role("button", name="Add the finding").click()
        expect(missed.locator("input[type=radio]")).to_have_count(3)
        assert not axe.violations(page, axe_script)
        missed.locator("input[type=radio]").nth(1).check()
        missed.locator("input[name=search]").fill("no grade")
        missed.get_by_role("button", name="Add the finding").click()
        expect(missed.locator("[role=alert]")).to_contain_text("no value of the phenotype")
        assert not axe.violations(page, axe_script)


@SCHEMES
def test_a_report_that_is_gone(reviewed: Reviewed, chromium, axe_script, scheme):
    store_report(reviewed, f"away-{scheme}", DIAGNOSIS)
    with window(chromium, scheme=scheme) as page:
        open_report(page, reviewed, f"away-{scheme}")
        address = f"{reviewed.fhir}/DiagnosticReport/away-{scheme}"
        assert httpx2.delete(address, trust_env=False).is_success
        page.reload()
        expect(page.locator(".source")).to_contain_text("The report is gone")
        assert not axe.violations(page, axe_script)


def test_a_finding_that_is_deleted_while_it_is_read(reviewed: Reviewed, chromium, axe_script):
    store_report(reviewed, "deleted", DIAGNOSIS)
    with window(chromium) as page:
        open_report(page, reviewed, "deleted")
        (size,) = [
            o
            for o in reviewed.all("Observation", subject="Patient/deleted")
            if '"mm"' in json.dumps(o)
        ]
        address = f"{reviewed.fhir}/Observation/{size['id']}"
        assert httpx2.delete(address, trust_env=False).is_success
        card = page.locator(".finding", has_text="Tumor size")
        card.get_by_role("button", name="Confirm").click()
        expect(page.locator("dialog[open]")).to_contain_text("The finding is gone")
        assert not axe.violations(page, axe_script)
        page.get_by_role("button", name="Close").click()
        expect(card).to_be_visible()


def test_the_empty_worklist(reviewed: Reviewed, chromium, axe_script):
    with window(chromium) as page:
        page.goto(f"{reviewed.url}?review=entered-in-error")
        expect(page.locator(".empty h2")).to_be_visible()
        assert not axe.violations(page, axe_script)
