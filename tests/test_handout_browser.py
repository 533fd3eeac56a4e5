"""A handout in a real browser: without script a number opens to its sum, a switch shows a mistake, it fits."""

from pathlib import Path

import pytest
from browser import DESKTOP, PHONE

from reports.lecture import handout, slides

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    path = tmp_path_factory.mktemp("handout") / "softmax.html"
    path.write_text(handout("softmax"), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_opens_silently_asks_for_nothing_and_fits(browser, sheet, size):
    browser.open(sheet, size)
    assert browser.said() == []
    assert {url for url in browser.asked() if not url.startswith("data:")} == {sheet.as_uri()}
    assert browser.too_wide() == 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_backward_number_opens_to_its_sum(browser, sheet, size):
    browser.open(sheet, size)
    number = browser.find(".numbers button")
    opened = browser.find(f"#{number.get_attribute('popovertarget')}")
    assert not opened.is_displayed()
    browser.run("arguments[0].scrollIntoView({block: 'center'})", number)
    number.click()
    assert opened.is_displayed() and opened.text.startswith("dx[0,0] = ")
    assert number.text in opened.text.split("\n")[-1]
    assert browser.said() == [] and browser.too_wide() == 0


def test_a_switch_shows_one_mistake_and_hides_the_others(browser, sheet):
    browser.open(sheet)
    panels, buttons = browser.all(".panel"), browser.all(".switch > label")
    assert len(panels) == len(buttons) > 1
    for k, button in enumerate(buttons):
        browser.run("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        assert [panel.is_displayed() for panel in panels] == [j == k for j in range(len(panels))]
    answer = panels[-1].find_element("css selector", "summary")
    answer.click()
    assert "What the checker says" in panels[-1].text and browser.too_wide() == 0


def test_arrow_keys_move_through_the_slides(browser, tmp_path):
    path = tmp_path / "slides.html"
    path.write_text(slides("flatten"), encoding="utf-8")
    browser.open(path)
    tops = "return [...document.querySelectorAll('.slide')].map(s => s.getBoundingClientRect().top)"
    press = "dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0]}))"
    before = browser.run(tops)
    assert abs(before[0]) < 1
    browser.run(press, "ArrowRight")
    assert abs(browser.run(tops)[1]) < 1
    browser.run(press, "ArrowLeft")
    assert abs(browser.run(tops)[0]) < 1
    assert browser.said() == []


@pytest.mark.parametrize("name", ["attention", "batch_norm", "conv2d"])
def test_the_handouts_in_the_docs_fit_on_a_phone_and_on_three_sides(browser, name):
    path = Path(__file__).parent.parent / "docs" / "lectures" / f"{name}.html"
    browser.open(path, PHONE)
    assert browser.said() == [] and browser.too_wide() == 0
    assert browser.printed() <= 3
