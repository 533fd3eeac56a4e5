"""Lines without a counterpart: which of them it is, is found by running the rest with other values."""

import inspect
import linecache

import numpy as np
import pytest

from gradcheck import Verdict, check

RNG = np.random.default_rng(5)
X, SCALE = RNG.normal(size=(4, 5)), RNG.normal(size=5)


def centred(x, g):
    m = x.mean(axis=1, keepdims=True)
    r = 1 / np.sqrt(((x - m) ** 2).mean(axis=1, keepdims=True) + 0.1)
    h = (x - m) * r
    y = h * g

    def backward(dy):
        dg = (dy * h).sum(axis=0)
        dh = dy * g
        along = dh.mean(axis=1, keepdims=True)
        across = (dh * h).mean(axis=1, keepdims=True)
        dx = r * (dh - along - h * across)
        return dx, dg

    return y, backward


def recurrent(x, W):
    states, h = [], np.zeros(W.shape[0])
    for t in range(len(x)):
        h = np.tanh(x[t] + h @ W)
        states.append(h)
    y = np.stack(states)

    def backward(dy):
        dx, dW, carried = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[0])
        for t in reversed(range(len(x))):
            dh = dy[t] + carried
            da = dh * (1 - states[t] ** 2)
            dx[t] = da
            before = states[t - 1] if t else np.zeros(W.shape[0])
            dW += np.outer(before, da)
            carried = W @ da
        return dx, dW

    return y, backward


def planted(function, right, wrong):
    source = inspect.getsource(function)
    assert source.count(right) == 1
    text, name = source.replace(right, wrong), f"<{function.__name__}: {wrong}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    return scope[function.__name__], source[: source.index(right)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("along = dh.mean(", "along = dh.sum("),
        ("along = dh.mean(axis=1", "along = dh.mean(axis=(0, 1)"),
        ("across = (dh * h).mean(", "across = (dh + h).mean("),
        ("dx = r * (dh - along - h * across)", "dx = r * (dh - along - dh * across)"),
        ("dx = r * (dh - along - h * across)", "dx = r * r * (dh - along - h * across)"),
        ("dx = r * (dh - along - h * across)", "dx = r * (dh + along - h * across)"),
    ],
)
def test_the_line_between_is_told_from_the_line_behind(right, wrong):
    layer, line = planted(centred, right, wrong)
    report = check(layer, X, SCALE)
    assert report.verdict is Verdict.FAIL
    found = report.by_line.first_wrong
    assert found.evidence["line"] == line
    assert ("with another value of it" in found.message) is ("dx" not in right)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("carried = W @ da", "carried = da @ W"), ("dh = dy[t] + carried", "dh = dy[t] - carried")],
)
def test_a_carry_is_told_from_what_it_goes_into(right, wrong):
    layer, line = planted(recurrent, right, wrong)
    report = check(layer, RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)) / 2)
    assert report.by_line.first_wrong.evidence["line"] == line
