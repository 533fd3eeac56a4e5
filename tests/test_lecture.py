"""Handouts: whole, still, small, and every number on them is the report's."""

import random
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from examples import SAMPLE_SEED

from gradcheck import check
from gradcheck.render import scientific
from layers.catalogue import CATALOGUE
from reports.cli import main
from reports.lecture import handout, index
from reports.page.code import pairs, text_of
from reports.page.prose import html_of

HEAVIEST = 300_000
"""Bytes of a page that one would send around."""


class Parts(HTMLParser):
    """Which elements a page has, whether they close, and what they refer to."""

    EMPTY = frozenset(
        {"meta", "br", "hr", "img", "link", "path", "use", "rect", "circle", "line", "input"}
    )

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.references = [], set(), []
        self.ids, self.opened = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.opened += [found[a] for a in ("popovertarget", "for") if a in found]
        self.references += [found[a] for a in ("src", "href", "xlink:href") if a in found]
        assert not any(name.startswith("on") for name in found)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


SAMPLE = random.Random(SAMPLE_SEED).sample(sorted(CATALOGUE), 2)


@pytest.mark.parametrize("name", ["softmax", *SAMPLE])
def test_a_handout_is_whole(name):
    text = handout(name)
    parts = Parts(text)
    assert not parts.open and "script" not in parts.seen and "link" not in parts.seen
    assert all(reference.startswith("#") for reference in parts.references)
    assert "default-src 'none'" in text and '<html lang="en">' in text
    assert len(text.encode()) < HEAVIEST
    assert "math" in parts.seen and "svg" in parts.seen
    ours = [name for name in parts.ids if re.fullmatch(r"s\d+|bug.*", name)]
    assert ours and len(set(ours)) == len(ours)
    assert set(parts.opened) <= set(parts.ids)


def test_a_handout_is_the_same_every_time():
    assert handout("flatten") == handout("flatten")


def test_its_numbers_are_the_reports():
    entry = CATALOGUE["softmax"]
    one = entry.configurations[0]
    report = check(entry.bound(one), *one.inputs(np.random.default_rng(0)).values())
    text = handout("softmax")
    for row in report:
        cells = [f"<td>d{row.name}", scientific(row.relative_error), scientific(row.resolution)]
        assert all(cell in text for cell in cells), row.name


def test_forward_and_backward_lines_that_belong_together_bear_one_sign():
    text = text_of(CATALOGUE["batch_norm"].layer)
    lines = text.split("\n")
    by_sign = {}
    for number, signs in pairs(text).items():
        for way, sign in signs:
            by_sign.setdefault(sign, {})[way] = lines[number - 1].split("=")[0].strip()
    assert {"forward": "xhat", "backward": "dxhat"} in by_sign.values()
    for both in by_sign.values():
        if len(both) == 2:
            assert both["backward"] == f"d{both['forward']}"


def test_what_is_filled_in_parts_is_signed_where_it_is_filled():
    text = "def f(x):\n    h = empty()\n    h[0] = x\n    def back(dy):\n        dh = dy\n    return h, back\n"
    assert pairs(text) == {3: [("forward", 1)], 5: [("backward", 1)]}


def test_prose_shows_html_and_sets_formulas():
    made = html_of("a <b>bold</b> $x_1 < y$ and `code $5` | $$\\sum_i x_i$$")
    assert "<b>" not in made and "&lt;b&gt;" in made
    assert made.count("<math") == 2 and 'display="block"' in made
    assert "code $5" in made and "\\" not in re.sub(r'alttext="[^"]*"', "", made)


def test_the_index_links_every_layer():
    assert set(Parts(index()).references) == {f"{name}.html" for name in CATALOGUE}


def test_the_command_writes_pages_and_knows_its_layers(tmp_path, capsys):
    assert main(["lecture", "flatten", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "flatten.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main(["lecture", "batchnorm", "--out", str(tmp_path)]) == 2
    assert "did you mean batch_norm?" in capsys.readouterr().err
    assert main(["lecture"]) == 2
