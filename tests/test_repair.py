"""A repair is proved or not said: each kind of edit, two mistakes, other shapes of code, the patch, the time."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gradcheck import Verdict, check, check_module, check_pair
from gradcheck.repair import find_repair
from gradcheck.repair.pure import only_computes
from gradcheck.repair.watch import Watch
from reports.cli import main

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)


def transposed(x, W, b):
    y = x @ W + b

    def backward(dy):
        dx = dy @ W
        dW = x.T @ dy
        db = dy.sum(axis=0)
        return dx, dW, db

    return y, backward


def averaged(x, W, b):
    y = x @ W + b

    def backward(dy):
        return dy @ W.T, x.T @ dy, dy.mean(axis=0)

    return y, backward


def without_mask(x, W, b):
    h = np.maximum(x @ W + b, 0)

    def backward(dh):
        da = dh
        return da @ W.T, x.T @ da, da.sum(axis=0)

    return h, backward


def with_a_sign(x, W, b):
    p = np.tanh(x @ W) - b

    def backward(dp):
        ds = dp * (1 - np.tanh(x @ W) ** 2)
        dx = ds @ W.T
        dW = x.T @ ds
        db = dp.sum(axis=0)
        return dx, dW, db

    return p, backward


def mean_of_squares(x, W, b):
    loss = np.asarray((x * x).sum() / len(x) + (W * W).sum() + b @ b)

    def backward(dloss):
        return 2 * x * dloss, 2 * W * dloss, 2 * b * dloss

    return loss, backward


def overlap(x, W, b):
    y = x[:, :-1] * x[:, 1:]

    def backward(dy):
        dx = np.zeros_like(x)
        dx[:, :-1] += dy * x[:, 1:]
        dx[:, 1:] = dy * x[:, :-1]
        return dx, np.zeros_like(W), np.zeros_like(b)

    return y, backward


def recurrent(x, W, b):
    h, hs = np.zeros(4), []
    for t in range(len(x)):
        hs.append(h)
        h = np.tanh(x[t] + h @ W + b)
    last = h

    def backward(dh):
        dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
        h = last
        for t in reversed(range(len(x))):
            da = dh * (1 - h * h)
            dx[t] = da
            dW += np.outer(h, da)
            db += da
            dh = da @ W.T
            h = hs[t]
        return dx, dW, db

    return last, backward


@pytest.mark.parametrize(
    ("layer", "after", "code"),
    [
        (transposed, "dx = dy @ W.T", "transposed"),
        (averaged, "return dy @ W.T, x.T @ dy, dy.sum(axis=0)", "averaged"),
        (without_mask, "da = dh * (h > 0)", "missing-mask"),
        (with_a_sign, "db = -dp.sum(axis=0)", "sign-flipped"),
        (mean_of_squares, "return 2 * x * dloss / len(x), 2 * W * dloss, 2 * b * dloss", "scaled"),
        (overlap, "dx[:, 1:] += dy * x[:, :-1]", "overlap-overwritten"),
        (recurrent, "dW += np.outer(hs[t], da)", "wrong-variable"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_mistake_is_repaired(layer, after, code):
    report = check(layer, X, W, B)
    assert not report.passed
    repair = report.repair
    assert (repair.after, repair.code) == (after, code)
    assert f"With `{after}` in line {repair.line} all three gradients pass." in str(report)
    source = Path(__file__).read_text(encoding="utf-8").split("\n")
    assert source[repair.line - 1].strip() == repair.before


def test_a_backward_pass_that_is_a_lambda_is_repaired():
    def square(x):
        return x * x, lambda dy: 3 * x * dy

    repair = check(square, X).repair
    assert repair.after == "return x * x, lambda dy: 2 * x * dy" and repair.code == "scaled"


def test_a_line_that_might_as_well_not_be_there_is_left_out():
    def square(x):
        def backward(dy):
            dx = 2 * x * dy
            dx[0] = 5
            return dx

        return x * x, backward

    # `(-dx)[0] = 5` would pass, and `dx[0 > 0] = 5` too: the 5 is written nowhere then.
    repair = check(square, X[0]).repair
    assert (repair.before, repair.after, repair.code) == ("dx[0] = 5", "pass", "partial")


def test_no_repair_of_what_passes_or_was_not_compared_line_by_line():
    def right(x):
        return x * x, lambda dy: 2 * x * dy

    assert check(right, X).repair is None
    assert check(transposed, X, W, B, lines=False).repair is None


def pair_forward(x, W, b):
    h = np.maximum(x @ W + b, 0)
    return h, (x, W, b, h)


def pair_backward(dout, cache):
    x, W, _, h = cache  # noqa: RUF059
    da = dout
    dx = da.dot(W.T)
    dW = x.T.dot(da)
    db = da.mean(axis=0)
    return dx, dW, db


@pytest.mark.slow
def test_two_mistakes_in_a_pair_are_repaired_one_behind_the_other():
    report = check_pair(pair_forward, pair_backward, X, W, B)
    again = report._again
    found = find_repair(again.context, again.rows, again.lines, again.check, 0)
    assert [edit.after for edit in found.repair.edits] == [
        "da = dout * (h > 0)",
        "db = da.sum(axis=0)",
    ]
    assert "in line" in str(found.repair) and " and `db = da.sum(axis=0)` in line" in str(
        found.repair
    )


class Scaled:
    def __init__(self):
        self.W = W.copy()
        self.dW = np.zeros_like(W)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = dy.T @ self.x
        return dy @ self.W.T


def test_an_object_is_repaired():
    report = check_module(Scaled(), X)
    assert not report.passed
    assert report.repair is not None and report.repair.before == "self.dW = dy.T @ self.x"


def coincidence(x):
    y = x.mean(axis=0)

    def backward(dy):
        return np.broadcast_to(dy / 2, x.shape).copy()

    return y, backward


def test_a_number_that_is_a_size_here_is_no_proof():
    # 3 would do at the draw given; in a batch of another size it does not.
    repair = check(coincidence, X).repair
    assert "len(x)" in repair.after or "x.shape[0]" in repair.after or "mean" in repair.after


def log_likelihood(p):
    value = -np.nansum(np.log(p) + np.log(1 - p)) / len(p)

    def backward(dy):
        dp = dy * (1 / (1 - p) - 1 / p)
        return dp

    return value, backward


def log_where_positive(x):
    y = np.where(x > 0, np.log(x), 0.0)

    def backward(dy):
        dx = np.where(x > 0, -dy / x, 0.0)
        return dx

    return y, backward


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        # A fresh draw outside of (0, 1) has NaN that the sum skips: no repair would pass there.
        (log_likelihood, np.random.default_rng(1).uniform(0.2, 0.8, size=(3, 5))),
        # What is invalid at the inputs given may be invalid elsewhere.
        (log_where_positive, X),
    ],
)
def test_a_repair_is_proved_where_the_layer_is_defined(layer, x):
    with np.errstate(invalid="ignore"):
        report = check(layer, x)
        assert not report.passed and report.repair is not None


def hopeless(x):
    y = np.tanh(np.sin(x)) ** 3

    def backward(dy):
        dx = dy * 0.123
        return dx

    return y, backward


def test_what_cannot_be_repaired_is_not_said_to_be_and_the_search_ends_by_its_steps():
    again = check(hopeless, X)._again
    found = find_repair(again.context, again.rows, again.lines, again.check, 0, limit=20_000)
    assert found.repair is None and not found.out_of_time
    # The last trial may go beyond the limit, and not far.
    assert 20_000 <= found.steps < 25_000


def in_another_dtype(x):
    y = np.tanh(x)

    def backward(dy):
        dx = dy * (1 - y**2)
        return dx.astype(np.float64)

    return y, backward


def test_little_is_searched_where_every_number_is_right():
    again = check(in_another_dtype, X.astype(np.float32))._again
    found = find_repair(again.context, again.rows, again.lines, again.check, 0)
    assert again.rows[0].verdict is Verdict.FAIL and found.repair is None
    # As many as it takes to see that none of the edits is worth a trial.
    assert found.steps < 200_000


def test_a_slow_machine_searches_as_far(monkeypatch):
    """The clock may run twice as fast: the steps are the same."""

    def steps():
        again = check(hopeless, X)._again
        return find_repair(
            again.context, again.rows, again.lines, again.check, 0, limit=20_000
        ).steps

    steps()  # What Python keeps from the first time is no step of the second.
    before, now = steps(), time.thread_time
    monkeypatch.setattr(time, "thread_time", lambda: 2 * now())
    assert steps() == before


def endless(x):
    y = 2 * x

    def backward(dy):
        dx, k = dy.copy(), 3
        while k > 2:
            k -= 1
        return dx

    return y, backward


def test_a_loop_that_may_not_end_is_left_alone():
    assert check(endless, X).repair.after in ("dx, k = 2 * dy, 3", "dx, k = dy.copy() + dy, 3")


def test_the_layer_and_its_inputs_are_not_touched():
    x, w, b = X.copy(), W.copy(), B.copy()
    report = check(transposed, x, w, b)
    assert report.repair is not None
    for now, before in ((x, X), (w, W), (b, B)):
        assert np.array_equal(now, before)
    assert not check(transposed, x, w, b).passed


def test_a_bound_layer_stays_bound():
    def scaled(x, *, k):
        y = k * x

        def backward(dy):
            dx = dy + k
            return dx

        return y, backward

    assert check(partial(scaled, k=3.0), X).repair.after == "dx = dy * k"


def test_a_report_goes_to_another_process_without_what_it_checked():
    report = check(transposed, X, W, B)
    repair = report.repair
    sent = pickle.loads(pickle.dumps(report))
    assert sent.repair == repair and sent._again is None
    unasked = pickle.loads(pickle.dumps(check(transposed, X, W, B)))
    assert unasked.repair == repair


FILE = """\
import numpy as np


def dense(x, W, b):
    y = x @ W + b

    def backward(dy):
        dx = dy @ W
        dW = x.T @ dy
        db = dy.sum(axis=0)
        return dx, dW, db

    return y, backward


def dense_inputs(rng):
    return {"x": rng.normal(size=(3, 4)), "W": rng.normal(size=(4, 4)), "b": rng.normal(size=4)}
"""


def test_fix_prints_a_patch_that_mends_the_file(tmp_path, monkeypatch, capfd):
    file = tmp_path / "hw1.py"
    file.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "hw1.py", "--fix"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("--- a/hw1.py\n+++ b/hw1.py\n")
    assert "all three gradients pass" in err and "FAIL" in err
    assert file.read_text() == FILE
    subprocess.run(["patch", "-p1"], input=out, text=True, check=True, capture_output=True)
    assert file.read_text() == FILE.replace("dy @ W\n", "dy @ W.T\n")
    assert main(["check", "hw1.py"]) == 0


def several_at_once(x, W, b):
    y = x @ W + b

    def backward(dy):
        dx, dW, db = dy @ W.T, x.T @ dy, dy.sum(axis=1)
        return dx, dW, db

    return y, backward


def test_a_statement_with_values_of_several_shapes_is_named_too():
    report = check(several_at_once, RNG.normal(size=(4, 5)), RNG.normal(size=(5, 4)), B)
    assert [finding.code for finding in report["b"].findings] == ["wrong-axis"]
    assert report.repair is not None and "sum(axis=" in report.repair.after


def test_fix_goes_with_no_other_form(tmp_path, capsys):
    assert main(["check", "dense", "--fix", "--format", "json"]) == 2
    assert "--fix" in capsys.readouterr().err


def test_the_search_listens_with_a_profiler_and_puts_the_old_one_back():
    before = sys.getprofile()
    assert check(transposed, X, W, B).repair is not None
    assert sys.getprofile() is before


CALLED = []


def saves(x):
    CALLED.append(x)
    return x


def quits(x):
    os._exit(7)


def copies(x):
    return shutil.copy(x)


def tanh_prime(x):
    """Unused by the layer, and what it lacks."""
    t = np.tanh(x)
    return 1.0 - t * t


@pytest.mark.parametrize("function", [saves, quits, copies, print, check])
def test_what_may_do_something_is_not_tried(function):
    assert not only_computes(function)


def test_an_unused_helper_that_only_computes_is_tried_and_no_other():
    def layer(x):
        def backward(dy):
            dx = dy * x
            return dx

        return np.tanh(x), backward

    report = check(layer, np.array([0.3, -1.2, 0.7]))
    assert report.repair is not None and not CALLED
    assert only_computes(tanh_prime)


def test_a_watch_keeps_nothing_once_it_no_longer_looks():
    watch = Watch()
    watch(1, 0, {"x": 1})
    watch.looks = False
    watch(1, 0, {"x": 2})
    watch(2, 0, {"x": 2})
    assert watch.found == watch.first == {(1, 0): {"x": 1}}


class Refusing:
    """Has an answer to nothing."""

    def __getattr__(self, name):
        raise RuntimeError("not asked for")


class Undecided:
    """Is neither true nor false."""

    def __bool__(self):
        raise RuntimeError("neither")


@pytest.mark.parametrize(
    "made",
    [
        lambda: np.array(["a", "b"]),
        lambda: np.array(["2020-01-01"], dtype="M8[D]"),
        lambda: np.array([Undecided(), None]),
        lambda: np.ma.array([1.0, 2.0], mask=[False, True]),
        lambda: 10**400,
        Refusing,
    ],
    ids=["text", "dates", "objects", "a masked array", "a number too large", "one that refuses"],
)
def test_what_else_a_layer_holds_ends_no_check(made):
    def layer(x):
        held = made()
        y = np.sin(x) * x

        def backward(dy):
            _also = held
            dx = dy * x * 1.37  # All is tried, in vain.
            return dx

        return y, backward

    report = check(layer, np.array([[0.3, 0.5], [1.0, -2.0]]))
    assert not report.passed and "dx" in str(report)


class Stepping:
    """Its weights have moved before the gradient of its input is computed by them, and nobody sees how far."""

    def __init__(self):
        self.W, self.v = np.array(W[:, :2]), np.ones((4, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout, learning_rate):
        dW = self.x.T @ dout
        self.v = 0.9 * self.v + 0.1 * dW**2
        self.W -= learning_rate * dW / (np.sqrt(self.v) + 1e-8)
        dx = dout @ self.W.T
        return dx


def test_no_step_is_left_out_or_lost_in_a_division_by_zero():
    """Both make the gradient of the input right, as nobody asks for more: the old weights are what is meant."""
    report = check_module(Stepping(), X, update="learning_rate")
    assert report.repair is not None and report.repair.before == "dx = dout @ self.W.T"
    assert report.by_line.first_wrong.evidence["line"] == report.repair.line


def sigmoid_gate(x, W):
    a = 1 / (1 + np.exp(-(x @ W)))

    def backward(dy):
        da = dy * (1.0 - a**2)
        return da @ W.T, x.T @ da

    return a, backward


def tanh_gate(x, W):
    a = np.tanh(x @ W)

    def backward(dy):
        da = dy * a * (1.0 - a)
        return da @ W.T, x.T @ da

    return a, backward


@pytest.mark.parametrize(
    ("gate", "mended"),
    [
        (sigmoid_gate, "da = dy * (a * (1 - a))"),
        (tanh_gate, "da = dy * (1 - a ** 2)"),
    ],
)
def test_the_derivative_of_another_activation_is_exchanged_for_the_right_one(gate, mended):
    report = check(gate, X, W)
    assert report.repair is not None and report.repair.after.strip() == mended
    assert report.repair.code == "missing-mask"
