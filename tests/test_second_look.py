"""Lifted precision, and the second look before a conviction: right layers that a first look convicts go free."""

import numpy as np
import pytest
from examples import SAMPLE_SEED, few_quick

from gradcheck import Verdict, check
from gradcheck.numeric import Forward, NumericalWitness, second_look


def witness(f, x, **options):
    forward = Forward(f, [x])
    return NumericalWitness(forward, np.ones(forward.value.shape), **options)


@pytest.mark.parametrize(
    ("dtype", "wide"), [(np.float16, np.float64), (np.float32, np.float64), (float, np.longdouble)]
)
def test_lifted_precision_is_thousands_of_times_quieter(dtype, wide):
    if np.finfo(wide).eps == np.finfo(dtype).eps:
        pytest.skip("no wider precision here")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    own = witness(lambda x: np.tanh(x) * x.sum(), x)
    lifted = own.lifted
    assert lifted is not None and lifted.forward.dtype == wide
    assert np.median(lifted.noise / own.noise) < 1e-2
    first, second = own.gradient(0), lifted.gradient(0)
    assert (np.abs(first.value - second.value) <= first.bound + second.bound).all()
    assert np.median(second.bound / first.bound) < 1e-1


def test_what_does_not_follow_is_not_lifted():
    x = np.random.default_rng(0).normal(size=5).astype(np.float32)

    def through_a_buffer(x):
        buffer = np.zeros(x.shape, np.float32)
        buffer[:] = np.sin(x)
        return buffer

    def another_function(x):
        return x * (2 if x.dtype == np.float32 else 3)

    def refuses(x):
        assert x.dtype == np.float32
        return x * x

    for f in (through_a_buffer, another_function, refuses):
        assert witness(f, x).lifted is None


def weakly_coupled(x, coupling=3e-9):
    """Elementwise, but one entry reaches another's output by so little that no probe sees it."""
    y = np.tanh(x)
    y[3] += coupling * x[17]

    def backward(dy):
        dx = dy * (1 - np.tanh(x) ** 2)
        dx[17] += coupling * dy[3]
        return dx

    return y, backward


@pytest.mark.parametrize("seed", few_quick(range(10), 4))
def test_an_effect_that_grouping_overlooks_convicts_nobody(seed):
    x = np.random.default_rng(seed).normal(size=40)
    assert check(weakly_coupled, x, seed=seed).verdict is not Verdict.FAIL


@pytest.mark.parametrize("coupling", [1e-6, 1e-7, 1e-8])
def test_a_weak_influence_on_the_output_of_another_is_missed_by_nobody(coupling):
    def left_out(x):
        y, _ = weakly_coupled(x, coupling)
        return y, lambda dy: dy * (1 - np.tanh(x) ** 2)

    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=20)
        report = check(lambda x: weakly_coupled(x, coupling), x, seed=seed, lines=False)
        assert report.passed, report
        wrong = check(left_out, x, seed=seed, lines=False)
        assert wrong.verdict is Verdict.FAIL


def rounded(x):
    return np.round(np.sin(x), 6), lambda dy: dy * np.cos(x)


@pytest.mark.parametrize("seed", few_quick(range(10), 4))
def test_a_staircase_convicts_nobody(seed):
    x = np.random.default_rng(seed).normal(size=(4, 5))
    assert check(rounded, x, seed=seed).verdict is not Verdict.FAIL


def confident(x, labels):
    """Softmax cross-entropy."""
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))

    def backward(dy):
        dx = p.copy()
        dx[rows, labels] -= 1
        return dy * dx / len(x), None

    return -np.log(p[rows, labels]).mean(), backward


def a_confident_classifier(lead, dtype, seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(4, 5)), rng.integers(0, 5, 4)
    x[np.arange(4), labels] += lead
    return check(confident, x.astype(dtype), labels, seed=seed, lines=False)


LEADS = [(lead, dtype) for lead in (12, 17, 25, 36, 60) for dtype in (np.float32, np.float64)]


@pytest.mark.parametrize(("lead", "dtype"), LEADS)
def test_a_confident_classifier_convicts_nobody(lead, dtype):
    report = a_confident_classifier(lead, dtype, SAMPLE_SEED)
    assert report.verdict is not Verdict.FAIL, report


@pytest.mark.slow
@pytest.mark.parametrize(("lead", "dtype"), LEADS)
def test_no_confident_classifier_convicts(lead, dtype):
    for seed in range(10):
        report = a_confident_classifier(lead, dtype, seed)
        assert report.verdict is not Verdict.FAIL, report


@pytest.mark.parametrize("factor", [-1, 1.001, 0])
def test_what_is_wrong_stays_convicted(factor):
    def wrong(x):
        y, backward = weakly_coupled(x)
        return y, lambda dy: factor * backward(dy)

    x = np.random.default_rng(0).normal(size=40)
    for dtype in (np.float32, np.float64):
        assert check(wrong, x.astype(dtype), lines=False).verdict is Verdict.FAIL


def test_one_wrong_entry_among_thousands_stays_convicted():
    def wrong(x):
        def backward(dy):
            dx = dy * (1 - np.tanh(x) ** 2)
            dx.flat[4177] *= 1.001
            return dx

        return np.tanh(x), backward

    x = np.random.default_rng(1).normal(size=(100, 100))
    report = check(wrong, x, lines=False)
    assert report.rows[0].verdict is Verdict.FAIL
    assert report.rows[0].worst == (41, 77)


def test_many_convictions_that_fall_leave_none_unseen():
    """A first look that is off everywhere by more than its bound."""
    x = np.random.default_rng(0).normal(size=200)
    first = witness(np.sin, x)
    numeric = first.gradient(0)
    off = type(numeric)(**{**vars(numeric), "value": numeric.value + 1e-3})
    seen = second_look(off, np.cos(x), np.zeros(200), lambda: first.one_by_one(0))
    inside = np.abs(np.cos(x) - seen.value) <= seen.bound
    assert inside.all()
    assert 0 < np.isinf(seen.bound).sum() < 200


def test_labels_that_nobody_asked_about_are_not_moved():
    def loss(z, onehot):
        assert np.isin(onehot, (0.0, 1.0)).all()
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -(onehot * np.log(p)).sum(), lambda dy: (dy * (p - onehot), None)

    z, onehot = np.random.default_rng(0).normal(size=(3, 4)), np.eye(4)[[0, 2, 1]]
    assert check(loss, z, onehot, wrt="z").passed
    assert check(loss, z, onehot).passed


def cancelling(factor):
    """The mean of small numbers under softmax; on the way back they lie beside 1e14, and lose their digits."""
    v = np.arange(12.0)

    def layer(x):
        p = np.exp(x.astype(np.float64))
        p /= p.sum()
        large = v + 2.0**47
        return p @ v, lambda dy: factor * dy * p * (large - p @ large)

    return layer


def test_what_rounds_on_the_way_back_convicts_nobody_and_excuses_no_mistake():
    x = np.random.default_rng(0).normal(size=12)
    report = check(cancelling(1), x, lines=False)
    assert report.verdict is Verdict.INCONCLUSIVE, report
    assert [finding.code for finding in report["x"].findings] == ["unresolved"]
    assert "nearly cancel" in str(report)
    assert check(cancelling(-1), x, lines=False).verdict is Verdict.FAIL


def swinging(factor, k=1.0):
    return lambda x: (np.sin(k * x), lambda dy: factor * k * dy * np.cos(k * x))


def test_a_steep_function_is_no_excuse():
    """Within an ulp or two cos x changes by more than the mistake, but on a line."""
    x = (3e5 * np.random.default_rng(0).normal(size=12)).astype(np.float32)
    assert check(swinging(1), x, lines=False).verdict is not Verdict.FAIL
    assert check(swinging(1.2), x, lines=False).verdict is Verdict.FAIL


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("k", [1e11, 1e12, 1e13, 1e14, 1e15])
def test_swings_hidden_by_rounding_convict_nobody(k, seed):
    """k x is rounded to parts of a period, so that only steps over many of them see more than noise."""
    x = np.random.default_rng(seed).normal(size=12)
    report = check(swinging(1, k), x, seed=seed, lines=False)
    assert report.verdict is not Verdict.FAIL, report


def test_a_claim_beyond_all_that_noise_hides_stays_convicted():
    """Of noise nothing is seen but that no slope of that size is on the way."""

    def layer(x):
        noise = 1e-3 * np.sin(1e14 * x)
        return 1e-5 * x + noise, lambda dy: 1e5 * dy * np.ones_like(x)

    x = np.random.default_rng(0).normal(size=12)
    assert check(layer, x, lines=False).verdict is Verdict.FAIL


def line_with_swings(k, factor=1.0):
    return lambda x: (3 * x + np.sin(k * x) / k, lambda dy: factor * dy * (3 + np.cos(k * x)))


@pytest.mark.parametrize("k", [1e8, 1e10, 1e12])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_swings_too_small_to_be_seen_convict_nobody(k, dtype):
    """The line is seen to many digits, the swings about it are not."""
    x = np.random.default_rng(2).normal(size=8).astype(dtype)
    report = check(line_with_swings(k), x, seed=2, lines=False)
    assert report.verdict is not Verdict.FAIL, report
    assert check(line_with_swings(k, 3.0), x, seed=2, lines=False).verdict is Verdict.FAIL


@pytest.mark.parametrize("off", [1e-2, 1e-4, 1e-7])
def test_a_claim_that_changes_smoothly_on_the_way_is_no_excuse(off):
    def layer(x):
        return np.exp(x), lambda dy: (1 + off) * dy * np.exp(x)

    x = np.random.default_rng(0).normal(size=12)
    assert check(layer, x, lines=False).verdict is Verdict.FAIL
