"""Kinks and ties of every kind: right layers never fail on them, wrong values at them always do."""

from functools import partial

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check


def absolute(x):
    return np.abs(x), lambda dy: dy * np.sign(x)


def clipped(x):
    return np.clip(x, -1, 1), lambda dy: dy * ((x > -1) & (x < 1))


def ordered(x):
    order = np.argsort(x, axis=-1, kind="stable")

    def backward(dy):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, order, dy, -1)
        return dx

    return np.take_along_axis(x, order, -1), backward


def largest(x):
    place = x.argmax()

    def backward(dy):
        dx = np.zeros_like(x)
        dx.flat[place] = dy
        return dx

    return x.max(), backward


def hinge(x):
    """The multiclass hinge of the first class against the others."""
    margins = np.maximum(0, x[:, 1:] - x[:, :1] + 1)

    def backward(dy):
        active = (margins > 0) * dy[:, None]
        return np.concatenate([-active.sum(axis=1, keepdims=True), active], axis=1)

    return margins.sum(axis=1), backward


POINTS = {
    absolute: np.array([0.0, 1e-9, -1e-9, 0.4, -2.0, 0.0]),
    clipped: np.array([-1.0, 1.0, 0.5, 1 + 1e-9, -1 - 1e-9, 3.0]),
    ordered: np.array([[1.0, 2.0, 2.0, 0.5], [3.0, 3.0, 3.0, 3.0]]),
    largest: np.array([0.3, 0.7, 0.7, 0.7 - 1e-9]),
    hinge: np.array([[1.0, 0.0, 0.5], [0.2, 0.7, -0.8]]),
}


@pytest.mark.parametrize("layer", POINTS, ids=lambda layer: layer.__name__)
@pytest.mark.parametrize("seed", range(5))
def test_a_right_layer_passes_at_its_kinks(layer, seed):
    report = check(layer, POINTS[layer], seed=seed)
    assert report.passed, report
    assert any(finding.code == "kink" for finding in report.all_findings())


@pytest.mark.parametrize("layer", POINTS, ids=lambda layer: layer.__name__)
@pytest.mark.parametrize("seed", few_quick(range(5), 1))
def test_twice_the_slopes_and_the_wrong_sign_fail(layer, seed):
    for factor in (2, -1, 1.001):

        def wrong(x, factor=factor):
            y, backward = layer(x)
            return y, lambda dy: factor * backward(dy)

        assert check(wrong, POINTS[layer], seed=seed, lines=False).verdict is Verdict.FAIL


@pytest.mark.parametrize("seed", range(5))
def test_all_tied_maxima_in_full_fail(seed):
    def full(x):
        return x.max(), lambda dy: dy * (x == x.max())

    report = check(full, np.array([0.3, 0.7, 0.7]), seed=seed)
    assert report.verdict is Verdict.FAIL
    assert "ties-duplicated" in {finding.code for finding in report.all_findings()}


def test_beside_a_kink_the_derivative_is_judged_as_a_derivative():
    def at(distance):
        x = np.array([distance, 0.8])

        def wrong(x):
            return np.abs(x), lambda dy: dy * np.array([0.3, 1.0])

        return check(wrong, x)

    assert at(0.0).passed  # 0.3 is a subgradient at 0 …
    assert at(1e-6).verdict is Verdict.FAIL  # … and wrong beside it.


@pytest.mark.parametrize("slope", [0.5, 1.7])
def test_curved_beside_a_kink_both_one_sided_slopes_are_within(slope):
    def elu(x):
        y = np.where(x > 0, x, slope * np.expm1(np.minimum(x, 0)))
        return y, lambda dy: dy * np.where(x > 0, 1.0, slope * np.exp(np.minimum(x, 0)))

    def from_the_right(x):
        y, _ = elu(x)
        return y, lambda dy: dy * np.where(x >= 0, 1.0, slope * np.exp(np.minimum(x, 0)))

    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(7, 5))
        x[x < -0.3] = 0.0
        for layer in (elu, from_the_right):
            report = check(layer, x, seed=seed)
            assert report.passed, report


def test_a_scalar_input_wrong_at_its_kink_fails():
    def wrong(x):
        return np.abs(x), lambda dy: 3.0 * dy

    assert check(wrong, np.array(0.0), lines=False).verdict is Verdict.FAIL


def test_ties_of_equal_size_and_other_sign_fail_in_full_and_pass_routed_to_one():
    def size(x, shared):
        tied = np.abs(x) == np.abs(x).max()
        if not shared:
            tied &= np.arange(x.size) == tied.argmax()
        return np.abs(x).max(), lambda dy: dy * np.sign(x) * tied

    x = np.array([0.3, -0.7, 0.7, 0.1])
    for seed in range(5):
        right = check(lambda x: size(x, False), x, seed=seed, lines=False)
        wrong = check(lambda x: size(x, True), x, seed=seed, lines=False)
        assert right.passed, right
        assert wrong.verdict is Verdict.FAIL
        assert "ties-duplicated" in {finding.code for finding in wrong.all_findings()}


def larger(a, b):
    return np.maximum(a, b), lambda dy: (dy * (a >= b), dy * (a < b))


def larger_halved(a, b):
    return np.maximum(a, b), lambda dy: (
        dy * ((a > b) + (a == b) / 2),
        dy * ((a < b) + (a == b) / 2),
    )


def larger_paying_both(a, b):
    return np.maximum(a, b), lambda dy: (dy * (a >= b), dy * (a <= b))


def distance(a, b):
    return np.abs(a - b), lambda dy: (dy * np.sign(a - b), -dy * np.sign(a - b))


@pytest.mark.parametrize("seed", range(5))
def test_ties_between_inputs_are_paid_once(seed):
    a = np.array([[0.3, -0.7, 1.0], [0.5, 0.1, 0.2]])
    b = np.array([[0.3, 0.4, 1.0], [-0.5, 0.1, 0.4]])
    for layer in (larger, larger_halved, distance):
        assert check(layer, a, b, seed=seed, lines=False).passed
    report = check(larger_paying_both, a, b, seed=seed, lines=False)
    assert report.verdict is Verdict.FAIL
    assert "ties-duplicated" in {finding.code for finding in report.all_findings()}


def two_layers(x, W1, W2, *biases, in_blank_rows=0.0, everywhere=1.0):
    """A network whose hidden units all sit at zero in a row of zeros; its dx may be spoilt there."""
    b1 = biases[0] if biases else 0.0
    h = x @ W1 + b1
    a = np.maximum(h, 0)

    def backward(dy):
        dh = (dy @ W2.T) * (h > 0)
        blank = (x == 0).all(axis=1, keepdims=True)
        dx = everywhere * dh @ W1.T + in_blank_rows * blank
        return dx.astype(x.dtype), x.T @ dh, a.T @ dy, *(dh.sum(axis=0) for _ in biases)

    return a @ W2, backward


def with_a_blank_row(seed, dtype=float, bias=True):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 3))
    x[1] = 0
    inputs = [x, rng.normal(size=(3, 6)), rng.normal(size=(6, 2)), *([np.zeros(6)] if bias else [])]
    return [value.astype(dtype) for value in inputs]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_many_kinks_at_one_point_convict_nobody(bias, dtype):
    for seed in range(8):
        report = check(two_layers, *with_a_blank_row(seed, dtype, bias), seed=seed, lines=False)
        assert report.passed, report


def test_what_no_decision_at_the_kinks_gives_fails_there():
    for seed in range(3):
        inputs = with_a_blank_row(seed)
        for spoilt in ({"in_blank_rows": 40.0}, {"everywhere": 1.01}):
            wrong = partial(two_layers, **spoilt)
            assert check(wrong, *inputs, seed=seed, lines=False).verdict is Verdict.FAIL


@pytest.mark.parametrize("at_zero", [1.001, 1.5, -40.0])
def test_what_leaves_both_slopes_at_a_single_kink_never_passes(at_zero):
    def wrong(x):
        return np.abs(x), lambda dy: dy * np.where(x == 0, at_zero, np.sign(x))

    assert check(wrong, np.array([0.0, 0.4, -1.0]), lines=False).verdict is not Verdict.PASS


def through_both(x, w, *, at_zero):
    """y = Σ sign(w) max(x w, 0): for x = 0 all of these kinks meet at one entry.

    x (N,), w (H,) -> y (N,)
    """
    on = np.where(x[:, None] * w == 0, at_zero, x[:, None] * w > 0)
    y = np.maximum(x[:, None] * w, 0) @ np.sign(w)

    def backward(dy):
        d = dy[:, None] * np.sign(w) * on
        return (d * w).sum(axis=1), (d * x[:, None]).sum(axis=0)

    return y, backward


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", few_quick(range(8), 2))
def test_many_kinks_that_meet_at_one_entry_convict_nobody(at_zero, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=4), rng.normal(size=5)
    x[1] = 0
    report = check(partial(through_both, at_zero=at_zero), x, w, seed=seed, lines=False)
    assert report.verdict is not Verdict.FAIL
    if report.verdict is Verdict.INCONCLUSIVE:
        assert "several kinks meet" in report["x"].findings[-1].message


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", few_quick(range(8), 2))
def test_two_rectified_layers_over_a_blank_row_convict_nobody(at_zero, seed):
    """Zero biases: every hidden unit of the row is at its kink, and behind it every output."""

    def layer(x, W1, b1, W2, b2):
        z = x @ W1 + b1
        h = np.maximum(z, 0)
        out = h @ W2 + b2

        def slope(z):
            return np.where(z == 0, at_zero, z > 0)

        def backward(dy):
            dout = dy * slope(out)
            dz = dout @ W2.T * slope(z)
            return dz @ W1.T, x.T @ dz, dz.sum(axis=0), h.T @ dout, dout.sum(axis=0)

        return np.maximum(out, 0), backward

    rng = np.random.default_rng(seed)
    x, W1, W2 = (rng.normal(size=shape) for shape in ((3, 2), (2, 4), (4, 2)))
    x[1] = 0
    report = check(layer, x, W1, np.zeros(4), W2, np.zeros(2), seed=seed, lines=False)
    assert report.verdict is not Verdict.FAIL


def scaled_network(scale, *weights, at_zero, leak):
    """Rectified layers behind one number; where that is zero every kink of the network lies there."""
    h, slopes = scale, []
    for W in weights:
        z = h @ W
        slopes.append(np.where(z == 0, at_zero, np.where(z > 0, 1.0, leak)))
        h = np.where(z > 0, z, leak * z)

    def backward(dy):
        for W, slope in zip(reversed(weights), reversed(slopes), strict=True):
            dy = dy * slope @ W.T
        return dy, *(None for _ in weights)

    return h, backward


@pytest.mark.parametrize(("at_zero", "leak"), [(1.0, 0.1), (1.0, 0.0), (0.0, 0.1)])
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("seed", few_quick(range(12), 3))
def test_one_number_at_whose_zero_every_kink_lies_convicts_nobody(seed, depth, at_zero, leak):
    rng = np.random.default_rng(seed)
    shapes = [(1, 5), (5, 5), (5, 2)] if depth == 3 else [(1, 5), (5, 2)]
    inputs = [np.zeros((1, 1)), *(rng.normal(size=shape) for shape in shapes)]
    layer = partial(scaled_network, at_zero=at_zero, leak=leak)
    report = check(layer, *inputs, seed=seed, lines=False, wrt=0)
    assert report.verdict is not Verdict.FAIL


def test_kinks_that_meet_excuse_no_wrong_gradient():
    def doubled(x, w):
        y, backward = through_both(x, w, at_zero=0.0)
        return y, lambda dy: (2 * backward(dy)[0], backward(dy)[1])

    x, w = np.array([0.4, 0.0, -1.1]), np.array([0.8, -0.5, 1.2])
    assert check(doubled, x, w, lines=False).verdict is Verdict.FAIL


def test_kinks_that_cancel_leave_a_derivative_which_is_asked_for():
    """max(x, 0) − max(−x, 0) is x, and its derivative at zero is 1."""

    def identity(x):
        return np.maximum(x, 0) - np.maximum(-x, 0), lambda dy: dy * ((x > 0) | (x < 0))

    assert check(identity, np.array([0.5, 0.0, -1.0]), lines=False).verdict is Verdict.FAIL
