"""Which value a name of the backward pass is the gradient of: parts, helpers' own names, what is laid flat."""

import functools

import numpy as np
import pytest
from examples import first_wrong

from gradcheck import Verdict, check, check_loss, check_pair

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def grouped(x, W):
    y = np.concatenate([x[:, :2] @ W[0], x[:, 2:] @ W[1]], axis=1)

    def backward(dy):
        dx, dW = np.zeros_like(x), np.zeros_like(W)
        for g in range(2):
            g_x = x[:, 2 * g : 2 * g + 2]
            g_out = dy[:, 2 * g : 2 * g + 3]
            dW[g] = g_x.T @ g_out
            dx[:, 2 * g : 2 * g + 2] = g_out @ W[g].T
        return dx, dW

    return y, backward


def test_what_holds_part_of_a_value_is_not_its_gradient_whatever_it_is_called():
    report = check(grouped, normal(5, 4), normal(2, 2, 3))
    assert first_wrong(report)["source"] == "g_out = dy[:, 2 * g : 2 * g + 3]"
    assert report.by_line.notes == ("g_x is left out: it is a part of x, not the gradient of x.",)


def scored(x, Q, K, *, late):
    a, b = x @ Q, x @ K
    y = a @ b.T / 3

    def backward(dy):
        da = dy @ b
        db = dy.T @ a
        dQ, dK = x.T @ da, x.T @ db
        dx = (da @ Q.T + db @ K.T) / late
        return dx, dQ, dK

    return y, backward


@pytest.mark.parametrize(("late", "named"), [(1, "da"), (3, "dQ")])
def test_what_sets_one_gradient_right_is_no_convention_though_another_is_as_wrong(late, named):
    layer = functools.partial(scored, late=late)
    assert first_wrong(check(layer, normal(5, 3), normal(3, 4), normal(3, 4)))["name"] == named


def stretch(x, g):
    return x * g**2, (x, g)


def stretch_back(dy, kept):
    x, g = kept
    dy = dy * g
    return dy * g**2, (2 * dy * x * g).sum(axis=0)


def bend(x, W):
    h = np.tanh(x @ W)
    return h, (x, W, h)


def bend_back(dy, kept):
    x, W, h = kept
    dz = dy * (1 - h**2)
    dx = dz @ W.T
    return dx, x.T @ dz


def helped_forward(x, g, W):
    x, first = stretch(x, g)
    y, second = bend(2 * x, W)
    return y, (first, second)


def helped_backward(dy, cache):
    dx, dW = bend_back(dy, cache[1])
    dx, dg = stretch_back(2 * dx, cache[0])
    return dx, dg, dW


def test_a_gradient_in_a_helper_is_that_of_what_another_helper_is_handed_by_its_name():
    report = check_pair(helped_forward, helped_backward, normal(5, 3), normal(3), normal(3, 4))
    assert first_wrong(report)["source"] == "dy = dy * g"
    told = {line.source: line.verdict for line in report.lines}
    assert told["dx = dz @ W.T"] is Verdict.PASS


def stepwise(W):
    o = np.zeros((5, 4))
    for t in range(5):
        o[t] = np.exp(POINTS[t] @ W)
        o[t] /= o[t].sum()
    value = -np.log(o[np.arange(5), WORDS]).sum()
    delta_o = o.copy()
    delta_o[np.arange(5), WORDS] -= 1
    dW = 2 * POINTS.T @ delta_o
    return value, dW


POINTS = normal(5, 3)
WORDS = np.array([0, 2, 1, 3, 2])


def test_what_is_written_at_an_array_of_places_is_no_obstacle():
    found = first_wrong(check_loss(stepwise, normal(3, 4)))
    assert found["source"] == "dW = 2 * POINTS.T @ delta_o"


def attended(x, A, B):
    q, k = x @ A, x @ B
    s = q @ k.T / 2
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)

    def backward(dp):
        ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        ds /= 2
        dq = ds @ k
        dk = ds @ q
        return dq @ A.T + dk @ B.T, x.T @ dq, x.T @ dk

    return p, backward


def test_a_convention_that_is_made_good_in_one_line_excuses_no_other():
    report = check(attended, normal(5, 3), normal(3, 2), normal(3, 2))
    assert first_wrong(report)["source"] == "dk = ds @ q"
    assert report.repair is not None and "dk = ds.T @ q" in report.repair.after
    assert report.by_line.notes == (
        "ds is left out: it is not the gradient of s, and what is computed from it is right.",
    )


def in_batches(W):
    value, shares = 0.0, []
    for t in range(3):
        s = BATCHES[t] @ W
        shares.append(np.exp(s) / np.exp(s).sum(axis=1, keepdims=True))
        value -= np.log(shares[t][ROWS, WORDS]).sum()
    dW = np.zeros_like(W)
    for t in range(3):
        ds = shares[t].copy()
        ds[ROWS, WORDS] -= 1
        dW += 2 * BATCHES[t].T @ ds
    return value, dW


BATCHES = normal(3, 5, 3)
ROWS = np.arange(5)


def test_what_is_written_at_arrays_of_places_in_each_step_is_compared_all_the_same():
    found = first_wrong(check_loss(in_batches, normal(3, 4)))
    assert found["source"] == "dW += 2 * BATCHES[t].T @ ds"


def squashed(x):
    return 1 / (1 + np.exp(-x))


def gated(x, W):
    gate = x @ W
    s = squashed(gate)
    y = gate * s

    def backward(dy):
        d_gate = dy * (s * (1 - s))
        return d_gate @ W.T, x.T @ d_gate

    return y, backward


def test_what_a_helper_calls_as_an_input_is_called_is_no_other_name_of_what_it_is_handed():
    # Where gate is near 1 the gradient of what the helper is handed is near what is written.
    x, W = np.full((5, 4), 0.5) + 0.02 * normal(5, 4), np.full((4, 3), 0.5)
    line = next(one for one in check(gated, x, W).lines if one.name == "d_gate")
    gate = x @ W
    s = squashed(gate)
    # The upstream gradient divides out.
    expected = (s + gate * s * (1 - s)) / (s * (1 - s))
    np.testing.assert_allclose(line.numeric / line.analytic, expected, rtol=1e-6)
