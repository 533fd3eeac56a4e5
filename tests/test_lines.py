"""Line by line: the wrong line is named, right ones are left in peace, and what cannot be read is said."""

import functools
import inspect
import json
import random
import re
from importlib import import_module
from operator import attrgetter

import numpy as np
import pytest
from examples import SAMPLE_SEED, batch_norm, few_quick, first_wrong, verdicts

from gradcheck import Verdict, check, check_module, check_pair
from gradcheck.lines import story
from gradcheck.lines.cells import in_its_cell
from gradcheck.lines.flow import are_mixed_up
from layers.catalogue import CATALOGUE
from reports.mutation import all_mutants, blame

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


BN = (normal(5, 3), normal(3), normal(3))


def test_names_in_every_style_are_compared_and_right():
    report = check(batch_norm, *BN, lines=True)
    assert report.passed
    seen = verdicts(report)
    assert set(seen) == {*("dgamma", "dxhat", "d_scale", "grad_var", "centred_grad", "dmean", "dx")}
    assert set(seen.values()) == {Verdict.PASS}


def test_the_wrong_line_is_named_with_its_diagnosis_in_file_lines():
    report = check(functools.partial(batch_norm, wrong=True), *BN)
    found = first_wrong(report)
    source, start = inspect.getsourcelines(batch_norm)
    assert found["name"] == "grad_var"
    assert found["source"] == "grad_var = 2 * grad_var"
    assert source[found["line"] - start].strip() == found["source"]
    assert found["code"] == "scaled"
    wrong = next(f for f in report.findings if f.code == "first-wrong-line")
    assert "exactly 2 times" in wrong.message
    text = str(report)
    assert f">{found['line']:>6}  wrong" in text
    assert text.count("\n  ") < 20
    page = report._repr_html_()
    assert "wrong" in page and "grad_var = 2 * grad_var" in page
    (line,) = [entry for entry in report.to_dict()["lines"] if entry["name"] == "grad_var"]
    assert line["verdict"] == "FAIL"


def test_lines_false_leaves_them_alone_and_a_right_layer_needs_none():
    assert check(functools.partial(batch_norm, wrong=True), *BN, lines=False).lines == ()
    assert check(batch_norm, *BN).lines == ()


def test_the_function_is_not_changed():
    code = batch_norm.__code__
    check(batch_norm, *BN, lines=True)
    assert batch_norm.__code__ is code
    assert "_probe" not in batch_norm.__globals__


def branched(x, *, square):
    if square:  # noqa: SIM108
        z = x * x
    else:
        z = x**3
    y = np.cos(z)

    def backward(dy):
        dz = -dy * np.sin(z)
        if square:  # noqa: SIM108
            dx = dz * 2 * x
        else:
            dx = dz * 2 * x**2
        return dx

    return y, backward


def test_branches():
    assert check(functools.partial(branched, square=True), normal(4), lines=True).passed
    report = check(functools.partial(branched, square=False), normal(4))
    assert first_wrong(report)["source"] == "dx = dz * 2 * x**2"
    assert verdicts(report)["dz"] is Verdict.PASS


def added(x):
    s = np.sin(x)
    y = s * x

    def backward(dy):
        ds = dy * x
        dx = ds * np.cos(x)
        dx += dy * x
        return dx

    return y, backward


def test_what_is_added_up_counts_at_its_end_and_a_proved_edit_says_which_of_its_lines_it_is():
    report = check(added, normal(4))
    found = first_wrong(report)
    assert found["source"] == "dx += dy * x"
    assert found["line"] - 1 in found["also"]
    (finding,) = [f for f in report.findings if f.code == "first-wrong-line"]
    assert f"One change in line {found['line']} makes every gradient right." in finding.message
    assert "cannot be compared" not in finding.message


def renamed(x, W):
    z = x @ W
    z = np.maximum(z, 0)
    y = 3 * z

    def backward(dy):
        dz = 3 * dy
        dz = dz * (z > 0)
        dmean = 17.0 * dy
        mean = dmean.mean()
        del mean
        return dz @ W.T, x.T @ dz

    return y, backward


def test_names_with_another_meaning_raise_no_alarm():
    report = check(renamed, normal(3, 4), normal(4, 2), lines=True)
    assert report.passed
    assert set(verdicts(report).values()) <= {Verdict.PASS}


def misnamed(x, W):
    h = np.tanh(x)
    y = h @ W

    def backward(dy):
        # Not the gradient of h, and none the worse for it.
        dh = 2 * dy @ W.T
        dx = dh / 2 * (1 - h * h)
        dW = h.T @ dy * 3
        return dx, dW

    return y, backward


def test_a_misnamed_local_is_left_out_and_not_blamed():
    report = check(misnamed, normal(3, 4), normal(4, 2))
    assert first_wrong(report)["name"] == "dW"
    assert "dh" not in verdicts(report)
    assert any(note.startswith("dh is left out") for note in report.by_line.notes)


def test_no_source_leaves_the_rest_unharmed():
    scope = {"np": np}
    exec("def f(x):\n    def back(dy):\n        return dy\n    return x * x, back", scope)
    report = check(scope["f"], normal(4))
    assert report.verdict is Verdict.FAIL
    assert report.lines == ()
    assert "source" in report.by_line.notes[0]


def test_a_line_that_raises_is_named():
    def layer(x, W):
        z = x @ W

        def backward(dy):
            dW = x.T @ dy
            dx = dy @ W
            return dx, dW

        return z, backward

    report = check(layer, normal(3, 4), normal(4, 2))
    assert first_wrong(report)["source"] == "dx = dy @ W"
    assert verdicts(report)["dW"] is Verdict.PASS


def test_of_several_statements_in_a_line_the_one_that_raises_is_named():
    def layer(x, W):
        z = x @ W

        def backward(dy):
            da = 2 * dy; dc = da / 2; db = dc @ W; dx = db @ W.T  # fmt: skip  # noqa: E702
            return dx, x.T @ dy

        return z, backward

    found = first_wrong(check(layer, normal(3, 4), normal(4, 2)))
    assert found["name"] == "db"


def test_a_line_of_a_notebook_is_told_in_its_cell(tmp_path):
    cells = [
        {"cell_type": "code", "source": ["import numpy as np\n", "x = 1"]},
        {"cell_type": "markdown", "source": ["# About\n", "text"]},
        {"cell_type": "code", "source": ["def f(x):\n", "    return x\n"]},
    ]
    book = tmp_path / "book.ipynb"
    book.write_text(json.dumps({"cells": cells}))
    assert in_its_cell(str(book), 2) == " In the notebook that is line 2 of code cell 1."
    assert in_its_cell(str(book), 4) == " In the notebook that is line 2 of code cell 2."
    assert in_its_cell(str(book), 40) == ""
    assert in_its_cell(__file__, 4) == in_its_cell(str(tmp_path / "none.ipynb"), 4) == ""
    (tmp_path / "torn.ipynb").write_text("{")
    assert in_its_cell(str(tmp_path / "torn.ipynb"), 4) == ""


def test_gradients_returned_in_the_wrong_order_are_the_return_lines_fault():
    def layer(a, b):
        y = a * b

        def backward(dy):
            da = dy * b
            db = dy * a
            return db, da

        return y, backward

    assert first_wrong(check(layer, normal(3), normal(3)))["source"] in ("db", "return db, da")


def test_integers_on_the_way_there_are_left_out_and_said():
    def layer(x):
        ids = np.argsort(x)
        y = x[ids] * 2

        def backward(dy):
            dids = 2 * dy
            dx = np.empty_like(x)
            dx[ids] = dids
            return dx

        return y, backward

    report = check(layer, normal(5), lines=True)
    assert report.passed
    assert report.by_line.notes == ("dids is left out: ids does not hold floats.",)


@pytest.mark.parametrize("name", few_quick([*CATALOGUE], 40))
def test_every_line_of_the_catalogue_is_right(name):
    """In one configuration; `gradcheck bench lines` takes all of them, with many seeds."""
    entry = CATALOGUE[name]
    one = random.Random(SAMPLE_SEED).choice(entry.configurations)
    inputs = one.inputs(np.random.default_rng(0)).values()
    report = check(entry.bound(one), *inputs, lines=True)
    assert report.lines
    assert set(verdicts(report).values()) == {Verdict.PASS}
    assert not report.by_line.notes


@pytest.mark.slow
def test_a_random_sample_of_changed_lines_is_found():
    """What is promised of all of them, `gradcheck bench blame` measures."""
    everything = [mutant for mutant in all_mutants() if mutant.place is mutant.layer]
    found = list(blame(random.Random(SAMPLE_SEED).sample(everything, 20)))
    seed = f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"
    assert sum(one.hit for one in found) >= 0.9 * len(found), seed
    assert sum(one.missed for one in found) <= 1, seed


def test_a_value_that_the_way_there_asserts_something_of_is_moved_less():
    def layer(x):
        e = np.exp(x)
        p = e / e.sum(axis=1, keepdims=True)
        assert np.allclose(p.sum(axis=1), 1, rtol=1e-12)
        y = p * p

        def backward(dy):
            dp = dy * p
            dx = p * (dp - (dp * p).sum(axis=1, keepdims=True))
            return dx

        return y, backward

    report = check(layer, normal(3, 4))
    assert report.verdict is Verdict.FAIL
    # By more than the assertion allows p is not moved; by less the truth of dp, which is 2 dy p, is still seen.
    assert not report.by_line.notes
    assert first_wrong(report)["source"] == "dp = dy * p"
    assert report.lines[0].name == "dp" and np.all(report.lines[0].bound < 1e-4)


def test_each_line_of_the_story_is_a_function():
    told = re.findall(r"[(,] ?`(\w+)\.([\w.]+)`", story.__doc__)
    assert len({room for room, _ in told}) >= 9
    for room, name in told:
        assert callable(
            found := attrgetter(name)(import_module(f"gradcheck.lines.{room}"))
        ) or isinstance(found, property), f"{room}.{name}"


def swish(x):
    return x / (1 + np.exp(-x))


def swish_slope(x):
    s = 1 / (1 + np.exp(-x))
    return s + s * (1 - s)


class Holding:
    """Any activation with its derivative, each in an attribute."""

    def __init__(self, function, derivative):
        self.function, self.derivative = function, derivative

    def forward(self, x):
        self.x = x
        return self.function(x)

    def backward(self, dy):
        dx = dy * self.derivative(self.x)
        return dx


def test_a_function_that_an_attribute_holds_shares_the_doubt():
    report = check_module(Holding(swish, swish_slope), np.linspace(-2, 3, 6))
    first = report.by_line.first_wrong
    assert first.evidence["name"] == "dx"
    last = swish_slope.__code__.co_firstlineno + 2
    assert last in first.evidence["also"]


def product(x, w):
    y = x @ w
    return y, (x, w)


def product_backward(dout, cache):
    x, w = cache
    dw = x.T @ dout
    dx = dout @ w.T
    return dx, dw


def reversed_forward(x, w):
    y, cache = product(x, w[::-1])
    return y, cache


def reversed_backward(dout, cache):
    dx, dw_reversed = product_backward(dout, cache)
    dw = -dw_reversed[::-1]
    return dx, dw


def test_what_a_helper_calls_dw_is_the_gradient_of_the_w_that_it_was_handed():
    x, w = np.cos(np.arange(8.0)).reshape(2, 4), np.arange(12.0).reshape(4, 3) ** 2
    report = check_pair(reversed_forward, reversed_backward, x, w)
    first = report.by_line.first_wrong
    assert first.evidence["source"] == "dw = -dw_reversed[::-1]"


def padded(x, w):
    xp = np.pad(x, ((0, 0), (0, 1)))
    y = xp[:, 1:] * w + xp[:, :-1]

    def backward(dy):
        dxp = np.zeros_like(xp)
        dxp[:, 1:] += dy
        dxp[:, :-1] += dy
        dxp = dxp[:, : x.shape[1]]
        return dxp, (dy * xp[:, 1:]).sum(axis=0)

    return y, backward


def test_what_is_cut_to_the_size_of_an_input_has_the_right_shape():
    report = check(padded, np.cos(np.arange(12.0)).reshape(3, 4), np.arange(2.0, 6))
    assert "wrong-shape" not in {finding.code for finding in report["x"].findings}
    assert report.by_line.first_wrong.evidence["source"] != "dxp = dxp[:, : x.shape[1]]"


def test_what_comes_again_in_neither_order_is_nothing_handed_over():
    first, second = np.zeros(2), np.ones(2)
    assert not are_mixed_up([first, second], [first, second])
    assert not are_mixed_up([second, first], [first, second])
    assert not are_mixed_up([first], [first, second])
    assert are_mixed_up([first, first], [first, second])


def windows(images, kernel):
    y = np.zeros((len(images), images.shape[1] - 2))
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            window = images[n, i : i + 3]
            y[n, i] = window @ kernel

    def backward(dy):
        dkernel = np.zeros(3)
        for n in range(dy.shape[0]):
            for i in range(dy.shape[1]):
                window = images[0, i : i + 3]
                dkernel += dy[n, i] * window
        return None, dkernel

    return y, backward


def test_the_line_that_takes_another_window_shares_the_doubt():
    report = check(windows, normal(3, 6), normal(3), wrt="kernel")
    lines, start = inspect.getsourcelines(windows)
    mistaken = start + next(k for k, text in enumerate(lines) if "images[0" in text)
    evidence = first_wrong(report)
    assert mistaken in (evidence["line"], *evidence["also"]), str(report)
