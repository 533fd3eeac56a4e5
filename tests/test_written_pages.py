"""Every page that the project writes: closed to the network, said in words, to be heard as well as seen."""

import re
from html.parser import HTMLParser

import pytest

from reports.lecture import handout, index
from reports.page.shell import page

VOID = {"meta", "br", "hr", "img", "link", "input", "col"}


class Parts(HTMLParser):
    """What is wrong with a page, in the order in which it stands there."""

    def __init__(self, text):
        super().__init__()
        self.found, self.faults, self.levels, self.tables, self.hidden = {}, [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.found.setdefault(tag, []).append(told)
        for fault in (
            check(told) for check in CHECKS.get(tag, ()) if not (tag == "svg" and self.hidden)
        ):
            self.faults += [f"<{tag} {told}>: {fault}"] if fault else []
        self.faults += [f"{tag} has {name}" for name in told if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            if not told.get(name, "#").startswith(("#", "data:")) and tag != "a":
                self.faults.append(f"{tag} fetches {told[name]}")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "table":
            self.tables.append([told, False])
        if tag == "caption":
            self.tables[-1][1] = True

    def handle_endtag(self, tag):
        if tag == "table":
            told, captioned = self.tables.pop()
            if not (captioned or told.get("aria-label") or told.get("role") == "presentation"):
                self.faults.append(f"a table without a caption: {told}")

    def all_faults(self):
        """With those of the page as a whole."""
        if self.levels[:1] != [1] or self.levels.count(1) != 1:
            self.faults.append(f"not one h1, at the top: {self.levels}")
        steps = zip(self.levels, self.levels[1:], strict=False)
        self.faults += [f"h{a} is followed by h{b}" for a, b in steps if b > a + 1]
        (html,) = self.found["html"]
        (policy,) = [m for m in self.found["meta"] if "http-equiv" in m]
        if html.get("lang") != "en" or not policy["content"].startswith("default-src 'none'"):
            self.faults.append("no language or no policy")
        if not any(m.get("name") == "viewport" for m in self.found["meta"]):
            self.faults.append("no viewport: too small on a phone")
        return self.faults


CHECKS = {
    "img": (lambda told: "" if told.get("alt") else "no alternative text",),
    "svg": (
        lambda told: (
            ""
            if told.get("aria-hidden") == "true"
            or (told.get("role") == "img" and told.get("aria-label"))
            else "a drawing without words"
        ),
    ),
    "th": (lambda told: "" if told.get("scope") in ("row", "col") else "a head of nothing",),
}


@pytest.fixture(scope="module", params=["report", "handout", "index"])
def written(request, ran):
    if request.param == "report":
        return (ran[0] / "report.html").read_text("utf-8")
    return handout("softmax") if request.param == "handout" else index()


def test_a_page_is_closed_labelled_and_in_order(written):
    # A handout's tables stand under headings that say what they are; those of the report need a caption.
    bare = () if "Gradient report" in written else ("a table without a caption",)
    assert [fault for fault in Parts(written).all_faults() if not fault.startswith(bare)] == []


def test_what_is_missing_is_found():
    bad = page(
        "bad",
        "<h1>a</h1><h3>b</h3><img src='http://x/y.png'><svg></svg><table><tr><th>x</th></tr></table>",
    )
    faults = " ".join(Parts(bad).all_faults())
    for said in (
        "fetches",
        "alternative",
        "without words",
        "head of nothing",
        "caption",
        "h1 is followed",
    ):
        assert said in faults


def test_a_verdict_is_a_word_wherever_it_is_a_colour(written):
    """Who sees no colours, or prints in grey, reads the same."""
    coloured = re.findall(r'<tr class="(?:wrong|right)">.*?</tr>', written, re.S)
    assert all(re.search(">(?:wrong|right)<", row) for row in coloured)
    bodies = re.findall(r'<tbody class="(\w+)">(.*?)</tr>', written, re.S)
    assert all(verdict.upper() in row for verdict, row in bodies)
