"""The report in a real browser: silent, asking for nothing, sorting and folding, on desk, phone and paper."""

import pytest
from browser import DESKTOP, PHONE

from reports.page.shell import page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(ran):
    return ran[0] / "report.html"


def figures(browser, table, column):
    """The figures in full of a column of a table, from the top."""
    script = (
        "return [...arguments[0].tBodies].map(b => +b.rows[0].cells[arguments[1]].dataset.value)"
    )
    return browser.run(script, table, column)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_opens_silently_asks_for_nothing_and_fits(browser, report, size):
    browser.open(report, size)
    assert browser.said() == []
    assert {url for url in browser.asked() if not url.startswith("data:")} == {report.as_uri()}
    assert browser.too_wide() == 0


def test_a_page_that_asks_or_complains_would_be_seen(browser, tmp_path):
    away = "<!DOCTYPE html><title>away</title><img src='nowhere.png'><script>nothing()</script>"
    (tmp_path / "away.html").write_text(away)
    browser.open(tmp_path / "away.html", PHONE)
    browser.gathered(browser.said, lambda said: "nothing is not defined" in " ".join(said))
    assert browser.gathered(browser.asked, lambda urls: len(urls) > 1)[1].endswith("nowhere.png")
    sly = page("sly", f"<img src='nowhere.png'><p style='width:90rem'>wide</p>{away}")
    (tmp_path / "sly.html").write_text(sly)
    browser.open(tmp_path / "sly.html", PHONE)
    assert browser.too_wide() > 0
    refused = ("img-src", "script")
    said = browser.gathered(browser.said, lambda said: all(w in " ".join(said) for w in refused))
    assert "nothing is not defined" not in " ".join(said)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_passing_families_are_folded_and_open_at_a_click(browser, report, size):
    browser.open(report, size)
    family = browser.find("details.family")
    table = family.find_element("css selector", "table")
    assert not table.is_displayed()
    family.find_element("css selector", "summary").click()
    assert table.is_displayed() and browser.too_wide() == 0
    map_ = table.find_element("css selector", ".map")
    assert not map_.is_displayed()
    table.find_element("css selector", ".more summary").click()
    assert map_.is_displayed() and browser.too_wide() == 0
    verdict = table.find_element("css selector", "tbody .verdict")
    assert verdict.is_displayed() and verdict.text == "PASS"
    assert verdict.rect["x"] + verdict.rect["width"] <= size[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_click_on_a_head_sorts_by_the_figures_and_another_turns_it_round(browser, report, size):
    browser.open(report, size)
    table = browser.all("table.gradients")[-1]
    head = table.find_element("css selector", "thead th:nth-child(5)")
    before = figures(browser, table, 4)
    head.find_element("css selector", "button").click()
    once = figures(browser, table, 4)
    assert once == sorted(before, reverse=True) != before
    assert head.get_attribute("aria-sort") == "descending"
    head.find_element("css selector", "button").click()
    assert figures(browser, table, 4) == sorted(before)
    assert head.get_attribute("aria-sort") == "ascending"
    assert browser.said() == []


def test_a_head_is_reached_and_pressed_from_the_keyboard(browser, report):
    browser.open(report)
    table = browser.all("table.gradients")[-1]
    button = table.find_element("css selector", "thead th button")
    browser.run("arguments[0].focus()", button)
    assert browser.run("return document.activeElement === arguments[0]", button)
    browser.press(" ")
    assert table.find_element("css selector", "th").get_attribute("aria-sort") == "descending"


def test_every_word_can_be_read_by_day_and_by_night(browser, report):
    """Of each colour of text on its background: the contrast that WCAG asks of text, 4.5."""
    for dark in (False, True):
        browser.open(report, dark=dark)
        assert browser.run(CONTRAST) == []


def test_it_prints_on_a_few_sides(browser, report):
    browser.open(report)
    assert 2 <= browser.printed() <= 6


CONTRAST = """
const parts = (c) => c.match(/[\\d.]+/g).map(Number);
const lit = (c) => parts(c).slice(0, 3).map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, k) => sum + v * [.2126, .7152, .0722][k], 0);
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if ((parts(c)[3] ?? 1) === 1) return c;
  }
  return "rgb(255, 255, 255)";
};
const found = new Set();
for (const e of document.querySelectorAll("body *")) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest("svg, script")) continue;
  const a = lit(getComputedStyle(e).color), b = lit(ground(e));
  const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (contrast < 4.5) found.add(`${e.tagName} ${e.className} ${contrast.toFixed(1)}`);
}
return [...found];
"""
