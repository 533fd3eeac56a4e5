"""Right code at zeros, in halves and far out is not convicted; what is said of wrong code is true."""

from functools import partial

import numpy as np
import pytest

from gradcheck import Verdict, check


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_a_generator_of_gradients_leaves_nothing_behind():
    report = check(lambda a, b: (a * b, lambda dy: (g for g in (dy * b, dy * a))), *normal(2, 3))
    codes = {finding.code for finding in report.findings}
    assert report.verdict is Verdict.FAIL
    assert "wrong-count" in codes and "accumulates" not in codes


def filled(A, B, slip):
    """tanh(A B), the gradient of A filled through a view of each row, one entry at a time or all at once."""
    y = np.tanh(A @ B)

    def backward(dy):
        dA = np.zeros_like(A)
        dB = np.zeros_like(B)
        for i in range(len(A)):
            dz = dy[i] * (1 - y[i] ** 2)
            da = dA[i]
            if slip == "whole":
                da[...] += 2 * B @ dz
            for j in range(0 if slip == "whole" else len(B)):
                if slip == "entry":
                    da[j] += 2 * (B[j] * dz).sum()
                if slip == "local":
                    part = 2 * (B[j] * dz).sum()
                    da[j] += part
            dB += np.outer(A[i], dz)
        return dA, dB

    return y, backward


@pytest.mark.parametrize("slip", ["whole", "entry", "local"])
def test_what_is_filled_through_a_view_is_wrong_where_it_is_filled(slip):
    report = check(partial(filled, slip=slip), normal(3, 4), normal(4, 2))
    (found,) = [f for f in report.findings if f.code == "first-wrong-line"]
    assert found.evidence["source"].split("=", 1)[1].strip().startswith("2 *")


def rectified_times(a, b):
    r = np.maximum(a, 0)
    return r * b, lambda dy: (dy * b * (a > 0), dy * r)


def bilinear(x, W, y):
    return np.einsum("ni,ij,nj->n", x, W, y), lambda dy: (
        dy[:, None] * (y @ W.T),
        np.einsum("n,ni,nj->ij", dy, x, y),
        dy[:, None] * (x @ W),
    )


@pytest.mark.parametrize("seed", range(5))
def test_exact_zeros_in_float32_convict_nobody(seed):
    a, b, c = (normal(4, 5, seed=seed + k, dtype=np.float32) for k in (0, 10, 20))
    assert check(rectified_times, a, b).passed
    a[1] = 0
    assert check(bilinear, a, b.T @ b, c).passed


def test_halves_follow_the_upstream_gradient():
    def layer(x, W):
        y = np.tanh(x @ W)
        slope = 1 - y * y
        return y, lambda dy: ((dy * slope) @ W.T, x.T @ (dy * slope))

    report = check(layer, normal(3, 4, dtype=np.float16), normal(4, 2, dtype=np.float16))
    assert report.passed and not report.findings


@pytest.mark.parametrize("exponent", range(7, 13))
def test_what_swings_many_times_within_x_is_not_convicted(exponent):
    k = 10.0**exponent

    def layer(x):
        return np.sin(k * x), lambda dy: dy * k * np.cos(k * x)

    assert check(layer, normal(6)).verdict is not Verdict.FAIL


def unfollowing(rows, v):
    """v added to every row of zeros, in float32 whatever comes in, summed one after the other on the way back."""
    y = np.zeros((rows, v.size), dtype=np.float32) + v.astype(np.float32)
    return y, lambda dy: np.cumsum(dy.astype(np.float32), axis=0)[-1]


@pytest.mark.parametrize("rows", [300, 3000])
def test_what_float32_loses_beside_exact_zeros_convicts_nobody_who_does_not_follow(rows):
    assert check(partial(unfollowing, rows), normal(4, dtype=np.float32) * 0, lines=False).passed


@pytest.mark.parametrize(
    ("activation", "meant"),
    [
        (np.tanh, "dz = dy * (1 - a ** 2)"),
        (lambda z: 1 / (1 + np.exp(-z)), "dz = dy * (a * (1 - a))"),
    ],
)
def test_an_activation_for_its_own_derivative_is_called_so(activation, meant):
    def layer(x, W):
        z = x @ W
        a = activation(z)

        def backward(dy):
            dz = dy * a
            return dz @ W.T, x.T @ dz

        return a, backward

    rng = np.random.default_rng(0)
    report = check(layer, rng.normal(size=(4, 3)), rng.normal(size=(3, 2)))
    assert report.repair.after == meant
    assert {one.code for row in report.rows for one in row.findings} == {"missing-mask"}


def doubled(x):
    y = x.repeat(2, axis=1)
    return y, lambda dy: dy[:, ::2]


def windows(x):
    y = np.maximum(x[:, :-1], x[:, 1:])

    def backward(dy):
        dx = np.zeros_like(x)
        for j in range(y.shape[1]):
            for i in range(len(x)):
                dx[i, j + int(x[i, j + 1] > x[i, j])] = dy[i, j]
        return dx

    return y, backward


@pytest.mark.parametrize(
    ("layer", "code"), [(doubled, "not-summed"), (windows, "overlap-overwritten")]
)
def test_copies_are_told_from_windows(layer, code):
    """Of either the gradient holds what one output sends back; only windows overlap."""
    assert check(layer, normal(3, 5), lines=False)["x"].findings[0].code == code


def test_a_multiple_that_is_another_at_other_sizes_is_no_size_alone():
    def dense(x, W):
        return x @ W, lambda dy: (dy @ W.T, x.T @ dy * 1.1 / len(x))

    (finding, *_) = check(dense, normal(4, 3), normal(3, 2), lines=False)["W"].findings
    assert finding.code == "scaled" and finding.evidence["factor"] == pytest.approx(0.275)
    assert "another multiple at other sizes" in finding.message


def test_a_slope_left_out_on_one_side_is_another_derivative_and_no_slice():
    def leaky(x, W):
        h = np.where(x > 0, x, 0.1 * x)
        return h @ W, lambda dy: (dy @ W.T, h.T @ dy)

    (finding, *_) = check(leaky, normal(4, 3), normal(3, 2), lines=False)["x"].findings
    assert finding.code == "missing-mask"
    assert "is 1 times the true gradient where x > 0, and 10 times where x < 0" in finding.message
