"""Very long words and 400 % zoom: everything can be read and reached, nothing is cut off."""

from playwright.sync_api import Page, expect

from tests.review import axe
from tests.review.conftest import Reviewed, window
from tests.review.test_bad_input import DIAGNOSIS, open_report, store_report

ZOOMED = (320, 256)  # 1280 x 1024 at 400 % (WCAG 2.2, 1.4.10 Reflow)
LONG = "pneumonoultramicroscopicsilicovolcanoconiosis" * 9
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


def test_long_words_break(reviewed: Reviewed, chromium, axe_script):
    store_report(reviewed, "words", f"COMMENT: {LONG}\n\n{DIAGNOSIS}")
    with window(chromium) as page:
        open_report(page, reviewed, "words")
        address = page.url
        site = page.locator(".finding", has=page.get_by_role("heading", name="Tumor site")).first
        site.get_by_role("button", name="Correct").click()
        site.locator("input[name=search]").fill(LONG)
        site.locator("input[name=comment]").fill(LONG)
        site.get_by_role("button", name="Save the correction").click()
        expect(site.locator(".answer")).to_have_text(LONG)
    for size in ((1280, 800), (820, 1180), ZOOMED):
        with window(chromium, size=size) as page:
            page.goto(address)
            for summary in page.locator("details > summary").all():
                summary.click()
            assert page.evaluate(SIDEWAYS) <= 0, size
            assert not axe.violations(page, axe_script)
            page.goto(f"{reviewed.url}?review=corrected&sort=newest")
            expect(page.locator("tbody", has_text=LONG)).to_be_visible()
            assert page.evaluate(SIDEWAYS) <= 0, size
            if size != ZOOMED:
                table = page.locator(".scroll")
                assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, size


def tabbed(page: Page) -> list[str]:
    """What Tab reaches, in order, until it comes round; each must be in view when it has the focus."""
    names: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => {
              const e = document.activeElement, box = e.getBoundingClientRect();
              if (e === document.body) return null;
              const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
              return (seen ? '' : 'hidden: ') + (e.innerText || e.name || e.tagName).slice(0, 40);
            }"""
        )
        if name is None:
            return names
        names.append(name)
    return names


def test_at_400_per_cent_nothing_is_cut_off_and_the_keyboard_reaches_everything(
    reviewed: Reviewed, chromium, axe_script
):
    store_report(reviewed, "zoomed", DIAGNOSIS)
    with window(chromium, size=ZOOMED, reduced_motion="reduce") as page:
        open_report(page, reviewed, "zoomed")
        assert page.evaluate(SIDEWAYS) <= 0
        assert not axe.violations(page, axe_script)
        names = tabbed(page)
        assert not [name for name in names if name.startswith("hidden")]
        assert any(name.startswith("Back to the worklist") for name in names)
        card = page.locator(".finding", has=page.get_by_role("heading", name="Cancer grade")).first
        card.focus()
        page.keyboard.press("c")
        expect(card.locator(".chip").first).to_have_text("Confirmed")
        for path in ("", "agreement"):
            page.goto(reviewed.url + path)
            assert page.evaluate(SIDEWAYS) <= 0, path
            assert not axe.violations(page, axe_script)
