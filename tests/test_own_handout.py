"""A handout of somebody's own code: every shape that can be checked, escaped, and its mistake with its repair."""

import pytest

from reports.cli import main
from reports.lecture import own_handout
from reports.targets import Options

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
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pair.py").write_text(PAIR)
    (tmp_path / "others.py").write_text(OTHERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_wrong_pair_is_told_with_its_line_its_repair_and_true_sums(folder):
    text = own_handout("pair.py", "scale", Options())
    assert "&lt;b&gt;not bold&lt;/b&gt; &amp; more" in text and "<b>not bold" not in text
    assert "<strong>FAIL.</strong> Wrong: dx." in text
    assert '<tr class="wrong"><td class="n">14</td>' in text
    assert "+    dx = dh * (1 - h" in text
    assert "The code says <strong>" in text and "popovertarget" in text
    assert "<script" not in text


@pytest.mark.parametrize("name", ["square", "ridge_loss", "Affine"])
def test_every_shape_has_its_page(folder, name):
    text = own_handout("others.py", name, Options())
    assert "<strong>PASS.</strong>" in text and "In code" in text
    assert f"<h1>{name}</h1>" in text


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
