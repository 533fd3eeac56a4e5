"""What its own precision cannot judge is judged as a formula in a wider one, right and wrong alike."""

import numpy as np
import pytest

from gradcheck import Verdict, check


def layer_norm(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + x.dtype.type(1e-5))
    xhat = centred * scale

    def backward(dy):
        dxhat = dy * gamma
        shared = dxhat.mean(axis=-1, keepdims=True)
        along = (dxhat * xhat).mean(axis=-1, keepdims=True)
        return scale * (dxhat - shared - xhat * along), (dy * xhat).sum(axis=0), dy.sum(axis=0)

    return gamma * xhat + beta, backward


def cross_entropy(z, labels):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    t = np.eye(z.shape[1], dtype=z.dtype)[labels]
    n = z.dtype.type(len(z))
    return -np.log(p[np.arange(len(z)), labels]).mean(), lambda dy: (dy * (p - t) / n, None)


def single(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("seed", range(5))
def test_right_float32_code_passes(seed):
    assert check(layer_norm, *single(seed, (4, 6), (6,), (6,))).passed
    (z,) = single(seed, (3, 5))
    z[0, 1] += 5
    assert check(cross_entropy, z, np.array([1, 0, 2])).passed


@pytest.mark.parametrize("seed", range(5))
def test_an_error_of_one_in_a_hundred_fails_in_float32(seed):
    def wrong(x, gamma, beta):
        y, backward = layer_norm(x, gamma, beta)
        return y, lambda dy: (np.float32(1.01) * backward(dy)[0], *backward(dy)[1:])

    report = check(wrong, *single(seed, (4, 6), (6,), (6,)), lines=False)
    assert [row.verdict for row in report] == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]


def spoilt(change):
    """Layer normalization with another gradient of x."""

    def wrong(x, gamma, beta):
        y, backward = layer_norm(x, gamma, beta)

        def changed(dy):
            dx, *others = backward(dy)
            return (change(dx), *others)

        return y, changed

    return wrong


def in_one_entry(dx):
    dx[1, 2] *= dx.dtype.type(1.001)
    return dx


SMALL = {
    "a factor": (lambda dx: dx * dx.dtype.type(1.000012), "inexact"),
    "a larger one": (lambda dx: dx * dx.dtype.type(1.0003), "scaled"),
    "one entry": (in_one_entry, "unknown"),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_wrong_by_more_than_float32_rounds_is_wrong_as_a_formula(name, seed):
    change, code = SMALL[name]
    report = check(spoilt(change), *single(seed, (4, 6), (6,), (6,)), lines=False)
    assert [row.verdict for row in report] == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    # No name is fitted to contributions that float32 knows to a hundredth.
    assert report["x"].findings[0].code == code


@pytest.mark.parametrize("seed", range(3))
def test_what_float32_rounds_away_is_not_wrong_in_it(seed):
    """An ε of 1e-12 in one of two passes: nobody who computes in float32 can see it."""
    change = spoilt(lambda dx: dx * dx.dtype.type(1 + 1e-12))
    assert check(change, *single(seed, (4, 6), (6,), (6,))).passed


def test_a_buffer_of_float32_is_told_to_try_float64():
    def buffered(x):
        out = np.empty(x.shape, np.float32)
        out[...] = 1e4 + np.tanh(x) * np.float32(1e-4)
        slope = np.float32(1e-4) * (1 - np.tanh(x) ** 2)
        return out, lambda dy: (dy * slope).astype(np.float32)

    report = check(buffered, *single(0, (5,)))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "Try it in float64" in str(report)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no wider precision")
@pytest.mark.parametrize("seed", range(3))
def test_what_float64_cannot_judge_either_is_judged_two_precisions_further(seed):
    x, gamma, beta = single(seed, (4, 6), (6,), (6,))
    inputs = [np.float32(1e4) * x, np.float32(1e-6) * gamma, np.float32(3e5) * beta]
    assert check(layer_norm, *inputs, wrt="x").passed

    def wrong(x, gamma, beta):
        y, backward = layer_norm(x, gamma, beta)
        return y, lambda dy: (np.float32(1.1) * backward(dy)[0], *backward(dy)[1:])

    assert check(wrong, *inputs, wrt="x", lines=False).verdict is not Verdict.PASS


def test_what_stays_in_float32_in_wider_numbers_too_is_no_mistake_of_a_float32_formula():
    """Targets that a loss holds in float32 are added up in float32 whatever comes in."""
    rng = np.random.default_rng(0)
    t = rng.dirichlet(np.ones(5), size=4).astype(np.float32)

    def divergence(z, factor=1.0):
        m = z - z.max(axis=1, keepdims=True)
        log_p = m - np.log(np.exp(m).sum(axis=1, keepdims=True))

        def backward(dy):
            return factor * dy * (np.exp(log_p) * t.sum(axis=1, keepdims=True) - t)

        return (t * (np.log(t) - log_p)).sum(), backward

    z = (30 * rng.normal(size=(4, 5))).astype(np.float32)
    assert check(divergence, z, lines=False).verdict is not Verdict.FAIL
    wrong = check(lambda z: divergence(z, np.float32(1.001)), z, lines=False)
    assert wrong.verdict is Verdict.FAIL
