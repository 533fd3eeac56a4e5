"""Mistakes in layers that are not in the catalogue, as students write them: named, and on the right line."""

import inspect
import linecache

import numpy as np
import pytest
import unseen
from examples import few_quick

from gradcheck import Verdict, check

RNG = np.random.default_rng(1)


def normal(*shape):
    return RNG.normal(size=shape)


def linear(x, W, b):
    y = x @ W.T + b

    def backward(dy):
        dx = dy @ W
        dW = dy.T @ x
        db = np.sum(dy, axis=0)
        return dx, dW, db

    return y, backward


def squared_error(p, t):
    e = p - t
    y = np.mean(e**2)

    def backward(dy):
        de = dy * 2 * e / e.size
        return de, -de

    return y, backward


def smooth_convolution(x, k):
    n = len(k)
    y = np.array([(x[:, i : i + n] * k).sum(1) for i in range(x.shape[1] - n + 1)]).T

    def backward(dy):
        dx, dk = np.zeros_like(x), np.zeros_like(k)
        for i in range(y.shape[1]):
            dx[:, i : i + n] += dy[:, i : i + 1] * k
            dk += dy[:, i] @ x[:, i : i + n]
        return dx, dk

    return y, backward


def recurrent(x, h0, Wx, Wh):
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ Wx + hs[-1] @ Wh))
    y = np.stack(hs[1:], 1)

    def backward(dy):
        dx, dnext = np.zeros_like(x), np.zeros_like(h0)
        dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
        for t in reversed(range(x.shape[1])):
            dh = dy[:, t] + dnext
            da = dh * (1 - hs[t + 1] ** 2)
            dx[:, t] = da @ Wx.T
            dWx += x[:, t].T @ da
            dWh += hs[t].T @ da
            dnext = da @ Wh.T
        return dx, dnext, dWx, dWh

    return y, backward


def normalized(x, g, b):
    xc = x - x.mean(-1, keepdims=True)
    v = (xc**2).mean(-1, keepdims=True)
    s = np.sqrt(v + 1e-5)
    xh = xc / s
    y = xh * g + b

    def backward(dy):
        D = x.shape[-1]
        dxh = dy * g
        dg = (dy * xh).sum(0)
        dv = (dxh * xc * -0.5 * s**-3).sum(-1, keepdims=True)
        dmean = (-dxh / s).sum(-1, keepdims=True)
        dx = dxh / s + dv * 2 * xc / D + dmean / D
        return dx, dg, dy.sum(0)

    return y, backward


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s)
    p = e / e.sum(1, keepdims=True)
    y = p @ v

    def backward(dy):
        dv = p.T @ dy
        dp = dy @ v.T
        ds = p * (dp - (dp * p).sum(1, keepdims=True))
        dq = ds @ k / np.sqrt(q.shape[1])
        dk = ds.T @ q / np.sqrt(q.shape[1])
        return dq, dk, dv

    return y, backward


def perceptron(x, W1, W2):
    a = x @ W1
    h = np.maximum(a, 0)
    o = h @ W2
    y = 1 / (1 + np.exp(-o))

    def backward(dy):
        do = dy * y * (1 - y)
        dW2 = h.T @ do
        dh = do @ W2.T
        da = dh * (a > 0)
        dW1 = x.T @ da
        dx = da @ W1.T
        return dx, dW1, dW2

    return y, backward


LAYERS = {
    linear: (normal(6, 4), normal(4, 4), normal(4)),
    squared_error: (normal(4, 3), normal(4, 3)),
    smooth_convolution: (normal(3, 9), normal(3)),
    recurrent: (normal(2, 4, 3), normal(2, 3), normal(3, 3) / 2, normal(3, 3) / 2),
    normalized: (normal(4, 6), normal(6), normal(6)),
    attention: (normal(4, 6), normal(5, 6), normal(5, 3)),
    perceptron: (normal(5, 4), normal(4, 6), normal(6, 3)),
}

MISTAKES = [
    (linear, "dy @ W\n", "dy @ W.T\n", "x", "transposed"),
    (linear, "dy.T @ x", "x.T @ dy", "W", "transposed"),
    (linear, "dy.T @ x", "dy.T @ x / len(x)", "W", "scaled"),
    (linear, "dy.T @ x", "dy.T @ x + 0.1 * W", "W", "extra-term"),
    (linear, "np.sum(dy, axis=0)", "np.mean(dy, axis=0)", "b", "averaged"),
    (linear, "np.sum(dy, axis=0)", "dy[0]", "b", "not-summed"),
    (squared_error, " / e.size", " / len(e)", "p", "scaled"),
    (squared_error, "-de", "de", "t", "sign-flipped"),
    (smooth_convolution, "+= dy[:, i : i + 1]", "= dy[:, i : i + 1]", "x", "overlap-overwritten"),
    (smooth_convolution, "i + 1] * k", "i + 1] * k[::-1]", "x", "flipped"),
    (smooth_convolution, "@ x[:, i : i + n]", "@ x[:, i : i + n][:, ::-1]", "k", "flipped"),
    (recurrent, "dy[:, t] + dnext", "dy[:, t]", "x", "carry-dropped"),
    (recurrent, "da @ Wh.T", "da @ Wh", "x", "transposed"),
    (recurrent, "hs[t].T @ da", "hs[t + 1].T @ da", "Wh", "shifted"),
    (normalized, " + dmean / D", "", "x", "statistics-held-constant"),
    (normalized, " + dv * 2 * xc / D", "", "x", "statistics-held-constant"),
    (normalized, "dxh = dy * g", "dxh = dy", "x", "scaled"),
    (normalized, "dy * xh", "dy * x", "g", "wrong-variable"),
    (attention, "ds @ k / np.sqrt(q.shape[1])", "ds @ k", "q", "scaled"),
    (attention, "(dp - (dp * p).sum(1, keepdims=True))", "dp * (1 - p)", "q", "diagonal-only"),
    (perceptron, "dh * (a > 0)", "dh", "W1", "missing-mask"),
    (perceptron, "dy * y * (1 - y)", "dy", "W2", "missing-mask"),
    (perceptron, "h.T @ do", "h.T @ dy", "W2", "wrong-variable"),
]


def changed(layer, right, wrong):
    """The layer with one line changed, and the number of that line."""
    source = inspect.getsource(layer)
    assert source.count(right) == 1
    text, name = source.replace(right, wrong), f"<{layer.__name__}: {wrong.strip()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    return scope[layer.__name__], source[: source.index(right)].count("\n") + 1


@pytest.mark.parametrize("layer", LAYERS)
def test_the_right_layer_passes_line_by_line(layer):
    report = check(layer, *LAYERS[layer], lines=True)
    assert report.passed
    assert {f.code for f in report.all_findings()} <= {"kink", "vacuous"}
    assert report.lines
    assert {line.verdict for line in report.lines} == {Verdict.PASS}


@pytest.mark.parametrize(("layer", "right", "wrong", "gradient", "code"), few_quick(MISTAKES, 8))
def test_the_mistake_is_named_and_its_line_found(layer, right, wrong, gradient, code):
    planted, line = changed(layer, right, wrong)
    report = check(planted, *LAYERS[layer])
    assert report.verdict is Verdict.FAIL
    row = next(row for row in report.rows if row.name == gradient)
    assert row.findings[0].code == code
    evidence = next(f for f in report.findings if f.code == "first-wrong-line").evidence
    assert line == evidence["line"] or line in evidence["also"]


@pytest.mark.parametrize("layer", unseen.INPUTS, ids=lambda layer: layer.__name__)
def test_a_strangers_right_layer_passes(layer):
    report = check(layer, *unseen.INPUTS[layer], lines=False)
    assert report.passed, report


def named(cases):
    """How many mistakes are named truly, and which are named by what they are not."""
    misleading, true = [], 0
    for case in cases:
        report = check(case.planted, *unseen.INPUTS[case.layer], lines=False)
        finding = report[case.gradient].findings[0]
        assert report[case.gradient].verdict is Verdict.FAIL
        true += finding.code in case.true
        if finding.code not in (*case.true, "unknown"):
            misleading.append((case, str(finding)))
    return true, misleading


@pytest.mark.slow
def test_strangers_mistakes_are_named_or_unknown_and_never_misnamed():
    true, misleading = named(unseen.SEEN)
    assert not misleading
    assert true >= 0.9 * len(unseen.SEEN)
