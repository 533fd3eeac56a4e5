"""Line by line in code of every shape: methods, pairs, partials, loops over time steps."""

import functools

import numpy as np
import pytest
from examples import batch_norm, first_wrong

from gradcheck import Verdict, check, check_pair
from gradcheck.forms.pair import adapt_pair
from gradcheck.lines import backward_text, rewritten

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


BN = (normal(5, 3), normal(3), normal(3))


def affine_forward(x, W, b):
    z = x @ W + b
    out = np.tanh(z)
    return out, (x, W, out)


def affine_backward(dout, cache):
    x, W, out = cache
    dz = dout * (1 - out)
    dx, dW = dz @ W.T, x.T @ dz
    db = dz.sum(axis=0)
    return dx, dW, db


def test_a_pair_is_read_in_both_its_functions():
    report = check_pair(affine_forward, affine_backward, normal(3, 4), normal(4, 2), normal(2))
    assert (first_wrong(report)["name"], first_wrong(report)["source"]) == (
        "dz",
        "dz = dout * (1 - out)",
    )


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def layer(self, x):
        z = self.factor * x
        y = np.sin(z)

        def backward(dy):
            dz = dy * np.sin(z)
            dx = self.factor * dz
            return dx

        return y, backward

    def __call__(self, x):
        return self.layer(x)


class Called(Scale):
    def __call__(self, x):
        z = self.factor * x
        return np.sin(z), lambda dy: self.factor * dy * np.sin(z)


def within(factor):
    def layer(x):
        z = factor * x
        y = np.sin(z)

        def backward(dy):
            dz = dy * np.sin(z)
            dx = factor * dz
            return (dx,)

        return y, backward

    return layer


def decorated(function):
    @functools.wraps(function)
    def wrapper(*inputs):
        return function(*inputs)

    return wrapper


@pytest.mark.parametrize(
    "layer",
    [Scale(3.0).layer, within(3.0), decorated(within(3.0)), functools.partial(within(3.0))],
    ids=["method", "closure", "decorated", "partial"],
)
def test_methods_closures_decorators_and_partials_are_read(layer):
    assert first_wrong(check(layer, normal(3, 4)))["source"] == "dz = dy * np.sin(z)"


def test_a_callable_object_with_a_lambda_is_read():
    report = check(Called(3.0), normal(3, 4))
    assert "np.sin(z)" in first_wrong(report)["source"]


def recurrence(kind):
    def plain(x, W):
        h = np.zeros((len(x), len(W)))
        for t in range(x.shape[1]):
            a = x[:, t] + h @ W
            h = np.tanh(a)
        y = 2 * h

        def backward(dy):
            dx, dW, dlast = np.zeros_like(x), np.zeros_like(W), 2 * dy
            for t in reversed(range(x.shape[1])):
                before = states[t - 1] if t else np.zeros((len(x), len(W)))
                da = dlast * (1 - states[t])
                dx[:, t] = da
                dW += before.T @ da
                dlast = da @ W.T
            return dx, dW

        states, g = [], np.zeros((len(x), len(W)))
        for t in range(x.shape[1]):
            g = np.tanh(x[:, t] + g @ W)
            states.append(g)
        return y, backward

    def listed(x, W):
        hs = [np.zeros((len(x), len(W)))]
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] + hs[-1] @ W)
            hs.append(h)
        y = 2 * hs[-1]

        def backward(dy):
            T = x.shape[1]
            dx, dW = np.zeros_like(x), np.zeros_like(W)
            dhs = [np.zeros_like(dy) for _ in range(T)]
            dhs[T - 1] = 2 * dy
            for t in reversed(range(T)):
                da = dhs[t] * (1 - hs[t + 1] ** 2)
                dx[:, t] = da
                dW += hs[t].T @ da
                if t > 0:
                    dhs[t - 1] = da @ W
            return dx, dW

        return y, backward

    def stored(x, W):
        N, T, H = x.shape
        h, a = np.zeros((N, T + 1, H)), np.empty((N, T, H))
        for t in range(T):
            a[:, t] = x[:, t] + h[:, t] @ W
            h[:, t + 1] = np.tanh(a[:, t])
        y = h[:, T] * 2

        def backward(dy):
            da, dlast = np.empty_like(a), 2 * dy
            for t in reversed(range(T)):
                da[:, t] = dlast * (1 - h[:, t])
                dlast = da[:, t] @ W.T
            dx = da
            dW = np.einsum("nti,ntj->ij", h[:, :T], da)
            return dx.copy(), dW

        return y, backward

    return {"plain": plain, "listed": listed, "stored": stored}[kind]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("plain", "da = dlast * (1 - states[t])"),
        ("listed", "dhs[t - 1] = da @ W"),
        # Its repair is looked for through three nested choices.
        pytest.param("stored", "da[:, t] = dlast * (1 - h[:, t])", marks=pytest.mark.slow),
    ],
)
def test_loops_over_time_steps(kind, source):
    report = check(recurrence(kind), normal(2, 4, 3), normal(3, 3) / 2)
    found = first_wrong(report)
    assert found["source"] == source, (found, report.by_line.notes)


class Kept:
    """What the way back needs is kept in the object, and it is a method."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        z = x @ self.W
        self.y = np.tanh(z)
        return self.y, self.backward

    def backward(self, dy):
        dz = dy * (1 - self.y)
        return dz @ self.W.T


def elsewhere(cache, dy):
    x, z = cache
    dz = -dy * np.cos(z)
    return dz * 2 * x


def composed(x):
    z = x * x
    return np.cos(z), functools.partial(elsewhere, (x, z))


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        (Kept(normal(4, 3)).forward, "dz = dy * (1 - self.y)"),
        (composed, "dz = -dy * np.cos(z)"),
    ],
)
def test_a_way_back_that_is_written_elsewhere_is_read(layer, source):
    found = first_wrong(check(layer, normal(5, 4)))
    assert (found["source"], found["also"]) == (source, [])


def bound_backward(dout, cache, *, factor):
    x, W, out = cache
    dz = dout * (1 - out)
    return factor * dz @ W.T, x.T @ dz, dz.sum(axis=0)


@pytest.mark.parametrize(
    "layer",
    [
        functools.partial(batch_norm, wrong=True),
        Scale(3.0).layer,
        Kept(normal(4, 3)).forward,
        composed,
    ],
    ids=["inside", "method", "elsewhere", "partial"],
)
def test_a_layer_with_its_line_corrected_is_put_together_again(layer):
    inputs = BN if getattr(layer, "func", None) is batch_norm else (normal(5, 4),)
    report = check(layer, *inputs)
    assert report.verdict is Verdict.FAIL
    _, backward = layer(*inputs)
    written = backward_text(layer, backward)
    assert any(first_wrong(report)["source"] in text for _, text in written.listing)
    right = {
        "grad_var = 2 * grad_var": "grad_var = 1 * grad_var",
        "dz = dy * np.sin(z)": "dz = dy * np.cos(z)",
        "dz = dy * (1 - self.y)": "dz = dy * (1 - self.y**2)",
        "dz = -dy * np.cos(z)": "dz = -dy * np.sin(z)",
    }[first_wrong(report)["source"]]
    text = written.text.replace(first_wrong(report)["source"], right)
    corrected = check(rewritten(layer, written, text), *inputs)
    assert all(row.verdict is Verdict.PASS for row in corrected.rows)


def test_what_is_bound_to_the_backward_pass_of_a_pair_stays_bound():
    backward = functools.partial(bound_backward, factor=1)
    inputs = normal(3, 4), normal(4, 2), normal(2)
    layer = adapt_pair(affine_forward, backward, inputs, {}).adapted()
    assert first_wrong(check(layer, *inputs))["source"] == "dz = dout * (1 - out)"
    written = backward_text(layer, backward)
    text = written.text.replace("(1 - out)", "(1 - out**2)")
    assert check(rewritten(layer, written, text), *inputs).passed


def routed(x, W, V):
    """Each row goes to one of two matrices, three to the one and two to the other; a mask is left out."""
    ways = [np.array([0, 2, 3]), np.array([1, 4])]
    y = np.zeros((len(x), W.shape[1]))
    for rows, M in zip(ways, (W, V), strict=True):
        y[rows] = np.tanh(x[rows] @ M)

    def backward(dy):
        dx, dW, dV = np.zeros_like(x), np.zeros_like(W), np.zeros_like(V)
        for rows, M, dM in zip(ways, (W, V), (dW, dV), strict=True):
            dz = dy[rows]
            dM += x[rows].T @ dz
            dx[rows] = dz @ M.T
        return dx, dW, dV

    return y, backward


def test_parts_of_other_lengths_end_no_check():
    rng = np.random.default_rng(0)
    report = check(routed, rng.normal(size=(5, 3)), *rng.normal(size=(2, 3, 4)))
    assert report.verdict is Verdict.FAIL, str(report)
