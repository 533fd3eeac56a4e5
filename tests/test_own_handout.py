"""A handout of somebody's own code: every shape that can be checked, escaped, and its mistake with its repair."""

import contextlib
import json
import re
import shlex
from functools import cache

import numpy as np
import pytest

from gradcheck.result import Traced
from reports.cli import main
from reports.lecture import own_handout, own_slides
from reports.lecture.example import _without_rearranged
from reports.targets.options import Options

PAIR = '''
import numpy as np

def scale_forward(x, g):
    """out = g * tanh(x)  <b>not bold</b> & more"""
    h = np.tanh(x)
    out = h * g
    return out, (h, g)

def scale_backward(dout, cache):
    h, g = cache
    dg = (dout * h).sum(axis=0)
    dh = dout * g
    dx = dh * (1 - h)
    return dx, dg

def scale_inputs(rng):
    return {"x": rng.normal(size=(3, 2)), "g": rng.normal(size=2)}
'''
OTHERS = '''
import numpy as np

def square(x):
    return x * x

def square_gradient(x):
    return 2 * x

def ridge_loss(w, X):
    r = X @ w
    loss = 0.5 * (r @ r)
    dw = X.T @ r
    return loss, dw

class Affine:
    """y = x W"""
    def __init__(self):
        self.W = np.arange(6.0).reshape(3, 2) - 2.5
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T

def Affine_inputs(rng):
    return {"x": rng.normal(size=(2, 3))}

def cut_loss(w):
    m = w * 1.0
    m[0] = 0
    loss = (m * m).sum()
    g = 2 * m
    return loss, g

def cut_loss_inputs(rng):
    return {"w": rng.normal(size=3)}
'''


def written(folder):
    (folder / "pair.py").write_text(PAIR)
    (folder / "others.py").write_text(OTHERS)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return written(tmp_path)


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    """The handout of a name in a file, made once for all that read it."""
    folder = written(tmp_path_factory.mktemp("own"))

    @cache
    def handout(place, name):
        with contextlib.chdir(folder):
            return own_handout(place, name, Options())

    return handout


def test_a_wrong_pair_is_told_with_its_line_its_repair_and_true_sums(handout):
    text = handout("pair.py", "scale")
    assert "&lt;b&gt;not bold&lt;/b&gt; &amp; more" in text and "<b>not bold" not in text
    assert "<strong>FAIL.</strong> Wrong: dx." in text
    assert '<tr class="wrong"><td class="n">14</td>' in text
    assert "+    dx = dh * (1 - h" in text
    assert "The code says <strong>" in text and "popovertarget" in text
    assert "<script" not in text


@pytest.mark.parametrize("name", ["square", "ridge_loss", "Affine"])
def test_every_shape_has_its_page(handout, name):
    text = handout("others.py", name)
    assert "<strong>PASS.</strong>" in text and "In code" in text
    assert f"<h1>{name}</h1>" in text


def table_of(text):
    """The rows of the worked example: name, value there, gradient back, without marks."""
    rows = re.findall(r'<tr><th scope="row"><code>(\w+)</code>.*?</th>(.*?)</tr>', text, re.S)
    return {name: re.sub("<.*?>", " ", cells).split() for name, cells in rows}


def test_the_gradient_of_a_loss_is_no_value_on_the_way_there(handout):
    rows = table_of(handout("others.py", "cut_loss"))
    assert list(rows) == ["w", "m", "loss"] and rows["loss"][1:] == ["1"]


def test_what_is_changed_in_place_keeps_what_it_was_computed_from():
    x, y = np.array([1.0, 2.0]), np.array([3.0])
    values = [
        Traced("x", x, x),
        Traced("y", y, y),
        Traced("m", x * 5, None, ("x",), 1, "m = x * 5"),
        Traced("m", x * 7, None, ("y",), 2, "m[0] = y"),
        Traced("n", x * 5, None, ("x",), 3, "n = x * 5"),
        Traced("n", x * 7, None, ("y",), 4, "n = 7 * y"),
    ]
    reads = {one.name: one.reads for one in _without_rearranged(values)}
    assert reads["m"] == ("x", "y") and reads["n"] == ("y",)


def test_the_upstream_gradient_is_on_the_page(handout):
    assert "–" not in table_of(handout("pair.py", "scale"))["out"]


def test_only_what_opens_is_said_to_open(handout):
    for place, name in (("pair.py", "scale"), ("others.py", "Affine")):
        text = handout(place, name)
        assert ("click on it" in text) == ("popovertarget" in text)


def test_a_handout_of_ones_own_is_also_shown_as_slides(folder):
    text = own_slides("pair.py", "scale", Options())
    headings = re.findall(r'<section class="slide"><h2>(.*?)</h2>', text)
    assert headings == [
        "What it says of itself",
        "In code",
        "What is wrong",
        "By hand",
        "Checked",
    ]
    assert "<code>dh = dout" not in text and re.search("With <code>.*</code> in line 14", text)
    assert main(["lecture", "pair.py:scale", "--slides", "--out", "out"]) == 0
    assert (folder / "out" / "scale.slides.html").read_text("utf-8") == text


def test_a_handout_of_ones_own_is_also_a_notebook_that_checks_again(folder, monkeypatch, capsys):
    assert main(["lecture", "pair.py:scale", "--notebook", "--out", "out"]) == 0
    cells = json.loads((folder / "out" / "scale.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    assert texts[0] == "# scale\n\n`pair.py`"
    assert [text.split("\n")[0] for text in texts if text.startswith("## ")] == [
        "## What is wrong",
        "## By hand",
    ]
    assert any("```diff" in text for text in texts) and any("the smallest case" in t for t in texts)
    command = texts[-1].removeprefix("!gradcheck ")
    assert [cell["cell_type"] for cell in cells].index("code") == len(cells) - 1
    monkeypatch.chdir(folder / "out")
    capsys.readouterr()
    assert main(shlex.split(command)) == 1
    assert "scale: FAIL" in capsys.readouterr().out


def test_what_is_not_there_is_told_in_one_line(folder, capsys):
    for target, said in {
        "pair.py:nothing": "nothing",
        "pair.py": "pair.py:NAME",
        "none.py:x": "no such file",
        "dens": "did you mean dense?",
    }.items():
        assert main(["lecture", target, "--out", "out"]) == 2
        told = capsys.readouterr().err
        assert said in told and told.count("\n") == 1
    assert not (folder / "out").exists()
