"""Handouts: whole, still, small, and every number on them is the report's."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from examples import few_quick

from gradcheck import check
from gradcheck.render import scientific
from layers.catalogue import CATALOGUE
from layers.families import FAMILIES, layers_of
from reports.cli import main
from reports.lecture import chapters, handout, index, notebook, slides
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


@pytest.fixture(scope="module")
def softmax():
    """A handout that several tests look at."""
    return handout("softmax")


def test_the_handout_of_softmax_is_whole(softmax):
    is_whole(softmax)


@pytest.mark.parametrize("name", few_quick(sorted(CATALOGUE), 1))
def test_a_handout_is_whole(name):
    is_whole(handout(name))


def is_whole(text):
    parts = Parts(text)
    assert not parts.open and "script" not in parts.seen and "link" not in parts.seen
    assert all(reference.startswith("#") for reference in parts.references)
    assert "default-src 'none'" in text and '<html lang="en">' in text
    assert len(text.encode()) < HEAVIEST
    assert "math" in parts.seen and "svg" in parts.seen
    ours = [name for name in parts.ids if re.fullmatch(r"s\d+|bug.*", name)]
    assert ours and len(set(ours)) == len(ours)
    assert set(parts.opened) <= set(parts.ids)


def test_a_handout_is_the_same_every_time(softmax):
    assert handout("softmax") == softmax


def test_its_numbers_are_the_reports(softmax):
    entry = CATALOGUE["softmax"]
    one = entry.configurations[0]
    report = check(entry.bound(one), *one.inputs(np.random.default_rng(0)).values())
    for row in report:
        cells = [f"<td>d{row.name}", scientific(row.relative_error), scientific(row.resolution)]
        assert all(cell in softmax for cell in cells), row.name


def test_forward_and_backward_lines_that_belong_together_bear_one_sign():
    text = text_of(CATALOGUE["batch_norm"].layer)
    lines = text.split("\n")
    by_sign = {}
    for number, signs in pairs(text).items():
        for way, sign in signs:
            by_sign.setdefault(sign, {})[way] = lines[number - 1].split("=")[0].strip()
    assert {"forward": "xhat", "backward": "dxhat"} in by_sign.values()
    # What is only there or only back, as dx of an input, belongs to no line.
    for both in by_sign.values():
        assert both["backward"] == f"d{both['forward']}"


def test_what_is_filled_in_parts_is_signed_where_it_is_filled():
    text = "def f(x):\n    h = empty()\n    h[0] = x\n    def back(dy):\n        dh = dy\n    return h, back\n"
    assert pairs(text) == {3: [("forward", 1)], 5: [("backward", 1)]}


def test_prose_shows_html_and_sets_formulas():
    made = html_of("a <b>bold</b> $x_1 < y$ and `code $5` | $$\\sum_i x_i$$")
    assert "<b>" not in made and "&lt;b&gt;" in made
    assert made.count("<math") == 2 and 'display="block"' in made
    assert "code $5" in made and "\\" not in re.sub(r'alttext="[^"]*"', "", made)


def test_the_index_links_every_chapter_and_every_layer_in_the_order_of_teaching():
    links = [link.removesuffix(".html") for link in Parts(index()).references]
    assert links[:3] == ["checking", "every-tie", "adam-restarted"]
    taught = [name for family in FAMILIES for name in layers_of(family) if name in CATALOGUE]
    assert links[3:] == taught and set(taught) == set(CATALOGUE)


def test_the_chapters_are_whole_and_their_numbers_are_measured():
    made = chapters()
    assert list(made) == ["index", "checking", "every-tie", "adam-restarted"]
    for text in made.values():
        parts = Parts(text)
        assert not parts.open and "script" not in parts.seen
        links = {link.removesuffix(".html") for link in parts.references if link[0] != "#"}
        assert links <= {*made, *CATALOGUE}
    found = re.findall(r"<tr><td>(float\d\d)</td><td>(\w+)</td><td>(.+?)</td>", made["checking"])
    best = {(dtype, method): float(step) for dtype, method, step in found}
    # √ε for forward differences, ∛ε for central ones, within a step or two of the grid.
    for dtype in (np.float64, np.float32):
        for method, power in {"forward": 1 / 2, "central": 1 / 3}.items():
            expected = float(np.finfo(dtype).eps) ** power
            assert 0.1 < best[np.dtype(dtype).name, method] / expected < 10
    assert "ties-duplicated" in made["checking"] and "kink" in made["checking"]


def test_slides_are_moved_through_by_a_script_that_the_policy_names():
    text = slides("flatten")
    parts = Parts(text)
    assert not parts.open and "script" in parts.seen
    policy = re.search(r"script-src 'sha256-(.+?)'", text)[1]
    script = re.search(r"<script>(.*?)</script>", text, re.S)[1]
    assert b64encode(sha256(script.encode()).digest()).decode() == policy
    assert text.count('class="slide"') >= 7 and "break-after: page" in text


@pytest.mark.parametrize("name", few_quick(["softmax", "embedding"], 1))
def test_a_notebook_runs_from_the_top(name, capsys):
    made = json.loads(notebook(name))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in made["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", one) for one in ids)
    scope = {}
    for cell in made["cells"]:
        assert set(cell) - {"execution_count", "outputs"} == {
            "id",
            "cell_type",
            "metadata",
            "source",
        }
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            exec("".join(cell["source"]), scope)
    assert scope["report"].passed
    if "mistake" in scope:
        assert scope["mistake"].layer is CATALOGUE[name].layer


def bare(text):
    """A page without what another machine measures otherwise: curves, errors, versions, its clock."""
    text = re.sub(r"<figure.*?</figure>|<footer>.*?</footer>", "", text, flags=re.S)
    return re.sub(r"\d\.\d+e[+-]?\d+|inf|\[\d[\d, ]*\]", "#", text)


SLOW = pytest.mark.slow
SHOWN = ("attention", pytest.param("batch_norm", marks=SLOW), pytest.param("conv2d", marks=SLOW))
"""The first takes six seconds; of the others' seventeen most are for mistakes that no single edit mends."""


@pytest.mark.parametrize("name", SHOWN)
def test_the_handouts_in_the_docs_are_those_of_today(name):
    shown = Path(__file__).parent.parent / "docs" / "lectures" / f"{name}.html"
    # To rewrite them: gradcheck lecture attention batch_norm conv2d --out docs/lectures
    assert bare(shown.read_text("utf-8")) == bare(handout(name))


def test_the_command_writes_pages_and_knows_its_layers(tmp_path, capsys):
    assert main(["lecture", "flatten", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "flatten.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main(["lecture", "batchnorm", "--out", str(tmp_path)]) == 2
    assert "did you mean batch_norm?" in capsys.readouterr().err
    assert main(["lecture"]) == 2
    assert main(["lecture", "flatten", "--slides", "--notebook", "--out", str(tmp_path)]) == 2
    for form, ending in {"--slides": "slides.html", "--notebook": "ipynb"}.items():
        assert main(["lecture", "flatten", form, "--out", str(tmp_path)]) == 0
        assert (tmp_path / f"flatten.{ending}").is_file()
