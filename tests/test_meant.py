"""Of all edits that make every gradient right the one is said that people would write, where they would."""

import ast

import numpy as np
import pytest

from gradcheck import check, check_loss
from gradcheck.repair.scope import Pool
from gradcheck.repair.sizes import resized
from tests.test_fresh import normal
from tests.test_narrow import planted
from tests.test_repair_elsewhere import nothing, value


def standardized(x, gamma):
    r = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 0.1)
    h = (x - x.mean(axis=1, keepdims=True)) * r
    y = h * gamma

    def backward(dy):
        dgamma = (dy * h).sum(axis=0)
        dh = dy * gamma
        along = dh.mean(axis=1, keepdims=True)
        across = h * (dh * h).mean(axis=1, keepdims=True)
        dx = r * (dh - along - across)
        return dx, dgamma

    return y, backward


def recurrent(x, W, U):
    N, T, D = x.shape  # noqa: RUF059 as people write it
    h = np.empty((N, T, len(U)))
    for t in range(T):
        h[:, t] = np.tanh(x[:, t] @ W + (h[:, t - 1] @ U if t else 0))

    def backward(dy):
        N, T, D = x.shape  # noqa: RUF059
        dx, da, dU, carry = np.empty_like(x), np.empty_like(h), np.zeros_like(U), 0
        for t in reversed(range(T)):
            dh = dy[:, t] + carry
            da[:, t] = dh * (1 - h[:, t] * h[:, t])
            dx[:, t] = da[:, t] @ W.T
            if t:
                dU += h[:, t - 1].T @ da[:, t]
            carry = da[:, t] @ U.T
        dW = np.einsum("ntd,nth->dh", x, da)
        return dx, dW, dU

    return h, backward


def gated(x, W, V):
    a, b = x @ W, x @ V
    s = 1 / (1 + np.exp(-1.702 * a))
    y = a * s * b

    def backward(dy):
        db = dy * a * s
        da = dy * b * (s + 1.702 * a * s * (1 - s))
        dx = da @ W.T + db @ V.T
        both = x.T @ np.concatenate([da, db], axis=1)
        return dx, both[:, : W.shape[1]], both[:, W.shape[1] :]

    return y, backward


def doubled(x):
    return 2 * x, lambda dy: 2 * dy


def composed(x):
    y, back = doubled(x)

    def backward(dy):
        dx = back(dy)
        return dx

    return y, backward


def both_of(part):
    return np.stack([part(0), part(1)], axis=2)


def windowed(x):
    y = np.maximum(x[:, ::2], x[:, 1::2])

    def backward(dy):
        def part(k):
            first = x[:, k::2] == y
            return np.asarray(dy * first)

        dx = both_of(part).reshape(x.shape)
        return dx

    return y, backward


def attended(q, k):
    y = np.einsum("bid,bjd->bij", q, k)

    def backward(dy):
        dq = np.einsum("bij,bjd->bid", dy, k)
        dk = np.einsum("bij,bid->bjd", dy, q)
        return dq, dk

    return y, backward


GATES = normal(3, 4), normal(4, 4), normal(4, 4).T
SEQUENCE = normal(2, 3, 6), normal(6, 5), normal(5, 5) / 2


@pytest.mark.parametrize(
    ("layer", "inputs", "right", "wrong", "after"),
    [
        (
            *(standardized, (normal(4, 5), normal(5)), "h * (dh * h).mean(", "h * dh.mean("),
            "across = h * (dh * h).mean(axis=1, keepdims=True)",
        ),
        (
            *(recurrent, SEQUENCE, "dh * (1 - h[:, t] * h[:, t])", "dh * (h[:, t] * h[:, t])"),
            "da[:, t] = dh * (1 - h[:, t] * h[:, t])",
        ),
        (
            *(recurrent, SEQUENCE, "dU += h[:, t - 1]", "dU += h[:, t]"),
            "dU += h[:, t - 1].T @ da[:, t]",
        ),
        (
            *(recurrent, SEQUENCE, "reversed(range(T))", "reversed(T)"),
            "for t in reversed(range(T)):",
        ),
        (gated, GATES, "da @ W.T +", "da +", "dx = da @ W.T + db @ V.T"),
        (
            *(gated, GATES, "(s + 1.702 * a * s", "(s + a * s"),
            "da = dy * b * (s + a * s * (1 - s) * 1.702)",
        ),
        (
            *(gated, GATES, "np.concatenate([da, db], axis=1)", "[da, db]"),
            "both = x.T @ np.concatenate([da, db], axis=1)",
        ),
        (composed, (normal(3, 4),), "dx = back(dy)", "dx = dy", "dx = back(dy)"),
        (windowed, (normal(3, 4),), "dy * first", "k * first", "return np.asarray(dy * first)"),
        (
            *(attended, (normal(2, 3, 4), normal(2, 5, 4)), '"bij,bid->bjd"', '"bij,bjd->bid"'),
            "dk = np.einsum('bji,bjd->bid', dy, q)",
        ),
    ],
)
def test_the_line_and_what_is_meant_in_it(layer, inputs, right, wrong, after):
    made, line = planted(layer, right, wrong)
    made.__globals__.update(doubled=doubled, both_of=both_of)
    report = check(made, *inputs)
    assert report.repair.after == after
    assert report.by_line.first_wrong.evidence["line"] == report.repair.line == line


def triplet(anchor, positive, negative):
    near, far = anchor - positive, anchor - negative
    raw = (near**2).sum(axis=1) - (far**2).sum(axis=1) + 1
    active = raw > 0
    scale = 2.0 * active[:, None]
    scale = scale / len(raw)
    return raw[active].sum() / len(raw), (scale * (near - far), -scale * near, scale * far)


def test_a_number_that_was_counted_is_a_size_as_well():
    loss, line = planted(triplet, "scale / len(raw)", "scale / active.sum()")
    report = check_loss(loss, *np.random.default_rng(0).normal(size=(3, 7, 3)))
    assert (report.repair.line, report.repair.after) == (line, "scale = scale / len(anchor)")


def grouped(x):
    v = x.reshape(len(x), 2, -1)
    return v / v.shape[2], lambda dv: (dv / v.shape[2]).reshape(x.shape)


def test_no_new_size_is_a_part_of_another_one():
    """In two groups of 4 channels there are as many as in a batch of 4."""
    changed = resized(value(grouped), nothing, [normal(3, 6)]).grown[0]
    assert changed.shape[1] // 2 not in changed.shape and changed.shape[1] % 2 == 0


def dilated(x, k):
    wide = 3 * len(k) - 2
    y = np.stack([x[:, q : q + wide : 3] @ k for q in range(x.shape[1] - wide + 1)])
    return y, np.copy


def test_no_new_size_leaves_one_place_of_several():
    """Whatever the number of the only window is multiplied with, it is 0."""
    for width in range(8, 12):
        inputs = [normal(2, width), normal(2)]
        found = resized(value(dilated), nothing, inputs)
        assert len(dilated(*found.grown)[0]) > 1 and found.more


def test_types_are_nothing_that_could_be_written():
    tree = ast.parse(
        "def f(x: Array[int, 3]) -> tuple[Array]:\n    y: list[Array] = x[0]\n    return y"
    )
    pool = Pool.of(tree, {}, {}, ast.Pass())
    assert [*map(ast.unparse, pool.indices)] == ["0"]
