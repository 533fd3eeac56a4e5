"""Where numbers are harsh: what only the longest steps see, what stands still, and what is convicted there."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from reports.bench.sections.soak import Case
from reports.places import Place


def bilinear(x, z, W, b, factor=1.0):
    def backward(dy):
        return (
            factor * np.einsum("ijk,nj,nk->ni", W, z, dy),
            factor * np.einsum("ijk,ni,nk->nj", W, x, dy),
            factor * np.einsum("ni,nj,nk->ijk", x, z, dy),
            factor * dy.sum(axis=0),
        )

    return np.einsum("ni,ijk,nj->nk", x, W, z) + b, backward


def with_one_large(dtype, large):
    """Inputs of `bilinear`, one of the two addends far below the other."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape) for shape in ((2, 3), (2, 2), (3, 2, 2), (2,))]
    inputs[large] *= 1e7 if dtype == np.float32 else 1e14
    return [x.astype(dtype) for x in inputs]


@pytest.mark.parametrize("large", [0, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_of_a_small_addend_is_seen(dtype, large):
    inputs = with_one_large(dtype, large)
    assert check(bilinear, *inputs, lines=False).passed

    def wrong(x, z, W, b):
        return bilinear(x, z, W, b, factor=1.01)

    report = check(wrong, *inputs, lines=False)
    assert [row.verdict for row in report.rows] == [Verdict.FAIL] * 4


def drowned(f, df, by, follows):
    """f below the rounding of a large number; in wider precision it may show."""

    def layer(x):
        wide = x if follows else x.astype(np.float64)
        return by + f(wide), lambda dy: dy * df(x)

    return layer


@pytest.mark.parametrize("follows", [True, False])
def test_what_stands_still_far_away_convicts_nobody_who_sees_it_move(follows):
    tame = drowned(np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1e17, follows)
    bent = drowned(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, 1e19, follows)
    for layer in (tame, bent):
        report = check(layer, np.array([0.3, -0.7]), lines=False)
        assert report.verdict is not Verdict.FAIL, report


def test_a_refusal_further_away_is_no_error():
    def refuses(x):
        assert (np.abs(x) < 10).all()
        return x + 1e15, lambda dy: dy

    assert check(refuses, np.array([0.5, -2.0])).verdict is Verdict.INCONCLUSIVE


def swish(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, lambda dy: dy * (s + x * s * (1 - s))


def gated(x, W, V):
    """Both factors are zero where x is, and so is the gradient."""
    (a, back), b = swish(x @ W), x @ V

    def backward(dy):
        da, db = back(dy * b), dy * a
        return da @ W.T + db @ V.T, x.T @ da, x.T @ db

    return a * b, backward


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_gradient_that_is_zero_at_the_point_alone_is_vacuous(dtype):
    rng = np.random.default_rng(0)
    inputs = [np.zeros((2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))]
    inputs = [x.astype(dtype) for x in inputs]
    report = check(gated, *inputs)
    assert report.passed
    assert {finding.code for row in report.rows for finding in row.findings} == {"vacuous"}

    def wrong(x, W, V):
        y, backward = gated(x, W, V)
        return y, lambda dy: (backward(dy)[0] + dy @ W.T, *backward(dy)[1:])

    assert check(wrong, *inputs, lines=False)["x"].verdict is Verdict.FAIL


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_throughout_is_vacuous_and_a_gradient_there_is_wrong(dtype):
    def sigmoid(x):
        with np.errstate(over="ignore"):
            y = 1 / (1 + np.exp(-x))
        return y, lambda dy: dy * y * (1 - y)

    x = np.array([60.0, 90.0, 240.0, -300.0], dtype)
    report = check(sigmoid, x)
    assert report.passed, report
    assert [finding.code for finding in report["x"].findings] == ["vacuous"]

    def wrong(x):
        y, _ = sigmoid(x)
        return y, lambda dy: dy * y

    assert check(wrong, x, lines=False).verdict is not Verdict.PASS


def test_saturated_here_and_there_is_judged_where_it_moves_in_float32():
    def softmax(x):
        p = np.exp(x - x.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p, lambda dy: p * (dy - (dy * p).sum(axis=1, keepdims=True))

    x = np.array([[0.0, 1.0, -95.0], [200.0, -3.0, 7.0]], np.float32)
    assert check(softmax, x).passed


@pytest.mark.parametrize(
    ("place", "seed"),
    [(Place("maxout", 1), 419192806), (Place("batch_norm_inference", 0), 950003267)],
)
def test_what_the_whole_leaves_open_is_told_by_its_pieces_or_is_not_felt(place, seed):
    assert Case("scales 1e-8 to 1e8", "float64", place, seed).report().passed


@pytest.mark.parametrize("seed", [1646394905, 1163544707])
def test_what_an_ulp_changes_in_a_hand_derived_gradient_convicts_nobody(seed):
    """A shift of 3e8 or 1e10 times its scale before attention, in a layer of no more digits than float64's."""
    case = Case("scales 1e-8 to 1e8", "float64", Place("transformer_block", 0), seed)
    assert case.report().verdict is not Verdict.FAIL


def buried(slope):
    """A wave of 1e-10 beside 1e8: float64 shows its way over many periods, not its slope."""

    def layer(x):
        y = 1e8 + 1e-10 * (x + np.sin(x)).astype(np.float64)
        return y, lambda dy: 1e-10 * dy * slope(x)

    return layer


def test_a_slope_from_far_away_convicts_nobody():
    x = np.array([1.0, -2.0, 0.5])
    right = check(buried(lambda x: 1 + np.cos(x)), x, lines=False)
    assert right.verdict is Verdict.INCONCLUSIVE
    assert "longer than the input itself" in str(right)
    # What is seen from there may still be right.
    assert check(buried(np.ones_like), x, lines=False).verdict is not Verdict.FAIL
