"""Forward passes that round on the way: a right gradient is not convicted where 1 − p has few digits left."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.numeric.steps import sweep


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def complement(p):
    return 1 - p, np.log(1 - p)


def by_log1p(p):
    return 1 - p, np.log1p(-p)


def by_where(p):
    q = np.where(np.ones(p.shape, dtype=bool), 1 - p, p)
    return q, np.log(q)


def focal(z, *, spelled, gamma, factor=1.0):
    """Focal loss of a confident sigmoid against the label 0: −p^γ log(1 − p), averaged."""
    p = sigmoid(z)
    q, log_q = spelled(p)
    y = np.mean(-(p**gamma) * log_q)

    def backward(dy):
        slope = -gamma * p ** (gamma - 1) * log_q + p**gamma / q
        return dy * factor * slope * p * sigmoid(-z) / z.size

    return y, backward


def focal_of_softmax(z, *, spelled, gamma, factor=1.0):
    """The same of the first class of a softmax."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    P = e / e.sum(axis=1, keepdims=True)
    p = P[:, 0]
    q, log_q = spelled(p)
    y = -(p**gamma) * log_q

    def backward(dy):
        slope = -gamma * p ** (gamma - 1) * log_q + p**gamma / q
        onto = -P
        onto[:, 0] = P[:, 1:].sum(axis=1)
        return factor * (dy * slope * p)[:, None] * onto

    return y, backward


@pytest.mark.parametrize(
    ("spelled", "gamma", "confident", "seed"),
    few_quick(
        [
            *product(
                [complement, by_log1p, by_where], [0.5, 2.0], [21.0, 27.0, 30.0, 32.0], range(4)
            )
        ],
        12,
    ),
)
def test_a_confident_focal_loss_is_not_convicted(spelled, gamma, confident, seed):
    rng = np.random.default_rng([seed, int(confident)])
    z = rng.uniform(confident, confident + 2, 4)
    z[rng.integers(4)] = rng.normal()
    layer = partial(focal, spelled=spelled, gamma=gamma)
    assert check(layer, z, seed=seed, lines=False).verdict is not Verdict.FAIL
    logits = rng.normal(size=(4, 3))
    logits[:, 0] += z
    layer = partial(focal_of_softmax, spelled=spelled, gamma=gamma)
    assert check(layer, logits, seed=seed, lines=False).verdict is not Verdict.FAIL


@pytest.mark.parametrize("loss", [focal, focal_of_softmax])
def test_a_wrong_focal_loss_is_convicted_where_its_digits_are_left(loss):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(4, 3)) if loss is focal_of_softmax else rng.uniform(15, 17, 4)
    layer = partial(loss, spelled=complement, gamma=2.0, factor=1.01)
    assert check(layer, z, lines=False).verdict is Verdict.FAIL


def alone(f, x):
    """The second look at the only entry of x."""
    witness = NumericalWitness(Forward(f, [np.array([x])]), np.ones(1))
    with np.errstate(all="ignore"):
        found = witness.one_by_one(0).looked_at_again((0,))
    return found.value.item(), found.bound.item()


@pytest.mark.parametrize("x", [33.0, 34.7, 36.2])
def test_a_plateau_within_a_staircase_is_no_small_bound(x):
    value, bound = alone(lambda x: np.log(1 - sigmoid(x)), x)
    assert bound == np.inf or abs(value + 1) <= bound


@pytest.mark.parametrize("x", [0.3, 2.7, 9.1])
def test_a_stair_that_only_steps_beyond_x_climb_is_one(x):
    _, bound = alone(lambda x: np.floor((x + 0.5) / 40) + 3.0, x)
    assert bound > 1 / 80


@pytest.mark.parametrize("step", [1e-12, 0.25, 30.0])
def test_a_rise_is_the_height_of_a_sample_in_half_the_evaluations(step):
    forward = Forward(lambda x: np.floor(40 * x) + np.log(x), [np.array([0.3, 2.0])])
    walk = NumericalWitness(forward, np.array([1.0, -2.0])).one_by_one(0)
    forward = walk.stencil.variable.forward
    group = walk.stencil.grouping.beside(((slice(0, 1),),))
    before = forward.evaluations
    with np.errstate(all="ignore"):
        rise = walk.stencil.rise(group, np.array([step]))
        between = forward.evaluations
        sample = walk.stencil.sample(group, np.array([step]))
    assert rise == walk.stencil.height(sample)
    assert 2 * (between - before) == forward.evaluations - between == 4


def test_behind_a_threshold_or_a_kink_a_plain_is_a_plain():
    for f in (lambda x: np.maximum(x, 0), lambda x: x * (x > 0), lambda x: np.maximum(x, -0.99)):
        value, bound = alone(f, -1.0)
        assert value == 0 and bound < 1e-6


def test_a_float64_gradient_that_rounds_itself_is_judged_as_a_formula():
    def chance(z, factor=1.0):
        """log(1 − p) with p near 1; the forward pass keeps the digits that the way back loses."""
        p = sigmoid(z)
        return -np.logaddexp(0, z), lambda dy: dy * factor * -(1 - (1 - p))

    def tail(z, factor=1.0):
        """The chance of the other class, taken exactly there and as 1 − p on the way back."""
        p = sigmoid(z)
        return sigmoid(-z), lambda dy: -dy * factor * p * (1 - p)

    z = np.array([3.0, 12.0, 15.0])
    assert check(chance, z, lines=False).passed
    assert check(tail, z, lines=False).passed
    assert check(tail, z + 20, lines=False).verdict is Verdict.INCONCLUSIVE
    wrong = partial(tail, factor=1 + 1e-6)
    assert check(wrong, z, lines=False).verdict is Verdict.FAIL
    assert check(wrong, z + 20, lines=False).verdict is Verdict.FAIL


@pytest.mark.parametrize("far", [34.0, 38.0])
def test_a_way_back_that_cancels_to_nothing_is_left_open_and_a_wrong_one_is_wrong(far):
    def complement(z, factor=1.0):
        """σ(−z), whose way back takes 1 − σ(z): in float64 that is 0, in more digits it is not."""
        return sigmoid(-z), lambda dy: -dy * factor * sigmoid(z) * (1 - sigmoid(z))

    z = far + np.random.default_rng(0).normal(size=(3, 4))
    assert check(complement, z).verdict is Verdict.INCONCLUSIVE
    assert check(partial(complement, factor=1.5), z, lines=False).verdict is Verdict.FAIL
    assert check(partial(complement, factor=0.0), z, lines=False).verdict is Verdict.FAIL


def masked_loss(z, *, forgotten=False):
    """Softmax cross-entropy over rows of which the second does not count: far out there 0 · log 0 is no number."""
    counts = np.array([1.0, 0, 1])
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    y = -np.sum(counts * np.log(p[:, 0]))

    def backward(dy):
        dz = p - np.eye(z.shape[1])[0]
        return dy * dz if forgotten else dy * dz * counts[:, None]

    return y, backward


def test_what_counts_nowhere_is_no_stair_though_far_out_nothing_is_defined():
    z = np.random.default_rng(0).normal(size=(3, 4))
    assert check(masked_loss, z).passed
    assert check(partial(masked_loss, forgotten=True), z, lines=False).verdict is Verdict.FAIL


def narrow_swish(x, factor=1.0):
    """A swish whose exponential alone is in float32: short steps see x in it, and no sigmoid."""

    def backward(dy):
        s = sigmoid(x)
        return dy * factor * (s + x * s * (1 - s))

    return x / (1 + np.exp(-x, dtype=np.float32)), backward


@pytest.mark.parametrize("seed", range(6))
def test_stairs_whose_treads_slope_convict_nobody_who_is_right(seed):
    x = np.random.default_rng(seed).normal(size=(3, 3))
    assert check(narrow_swish, x).verdict is not Verdict.FAIL
    assert check(partial(narrow_swish, factor=1.01), x, lines=False).verdict is Verdict.FAIL


def by_halves(x):
    """A bell that is computed in float16 between two float64 operations."""
    bell = np.exp(-(x * x).astype(np.float16)).astype(np.float64)
    return x * bell, lambda dy: dy * np.exp(-x * x) * (1 - 2 * x * x)


@pytest.mark.parametrize("seed", range(3))
def test_stairs_of_halves_convict_nobody(seed):
    x = np.random.default_rng(seed).normal(size=5)
    assert check(by_halves, x).verdict is not Verdict.FAIL


def beside_itself(x, *, narrow, factor=1.0):
    """x + tanh x, the tanh of a narrower number: a tread has the slope 1, and all stairs are equally high."""
    y = np.tanh(x.astype(narrow)).astype(np.float64) + x
    return y, lambda dy: dy * factor * (2 - np.tanh(x) ** 2)


@pytest.mark.parametrize(("narrow", "seed"), [(np.float16, 6), (np.float16, 13), (np.float32, 7)])
def test_two_equal_stairs_are_stairs(narrow, seed):
    x = np.random.default_rng(seed).normal(size=4)
    layer = partial(beside_itself, narrow=narrow)
    assert check(layer, x, seed=seed, lines=False).verdict is not Verdict.FAIL
    wrong = check(partial(layer, factor=2.0), x, seed=seed, lines=False)
    assert wrong.verdict is Verdict.FAIL


def test_behind_the_first_stair_others_are_higher():
    A = np.random.default_rng(3).normal(size=(4, 4))

    def widely(x):
        """Outputs from 0.1 to 100, in float16: where the small ones have moved, the large ones have not."""
        y = np.exp((x @ A).astype(np.float16)).astype(np.float64)
        return y, lambda dy: (dy * np.exp(x @ A)) @ A.T

    x = np.random.default_rng(11).normal(size=4)
    assert check(widely, x, seed=11, lines=False).verdict is not Verdict.FAIL


@pytest.mark.parametrize("x", [-50.6, -53.4])
def test_where_all_is_one_stair_a_steep_claim_is_impossible(x):
    def elu(x, wrong=0.0):
        slope = np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda dy: dy * (slope + wrong)

    assert check(elu, np.array([x, 2.0])).verdict is not Verdict.FAIL
    at_one = partial(elu, wrong=np.array([0.05, 0]))
    assert check(at_one, np.array([x, 2.0]), lines=False).verdict is Verdict.FAIL


def test_what_turns_below_a_riser_may_be_steep():
    def turning(x):
        y = 1 + np.exp(x - 50) + np.tanh(1e12 * x) / 1e21
        return y, lambda dy: dy * (np.exp(x - 50) + 1e-9 / np.cosh(np.minimum(1e12 * x, 99)) ** 2)

    assert check(turning, np.array([1e-13, 2.0, 50.0]), lines=False).verdict is not Verdict.FAIL


def test_a_lone_jump_beside_the_point_is_no_stair():
    value, bound = alone(lambda x: 2 * x + 1e-3 * (x > 1.0 + 1e-6), 1.0)
    assert abs(value - 2) <= bound < 1e-6


@pytest.mark.parametrize("x", [0.5000001, 0.6, 3.0])
def test_beside_a_threshold_a_wrong_slope_is_convicted(x):
    def gate(x, factor=1.0):
        return x * x * (x > 0.5), lambda dy: dy * factor * 2 * x * (x > 0.5)

    points = np.array([x, 0.2, -1.0])
    assert check(gate, points).passed
    assert check(partial(gate, factor=1.1), points, lines=False).verdict is Verdict.FAIL


def ends(first, last):
    """Where steps of the sweep at x = 1 end, between two lengths."""
    return [t for t in sweep(np.finfo(float).eps) if first < t < last]


@pytest.mark.parametrize("end", ends(1e-5, 1))
def test_a_kink_just_before_the_end_of_a_step_is_no_stair(end):
    """What bends a thousandth before a step ends has risen by so little there that it looks like a jump."""

    def ramp(x):
        y = 0.03 * x + np.maximum(0, x - (1 + 0.999 * end))
        return y, lambda dy: dy * 0.03003

    assert check(ramp, np.ones(1), lines=False).verdict is Verdict.FAIL


def test_the_rounding_of_what_is_returned_is_no_stair_on_the_way():
    """Beside a large number a float64 has the digits of a float32: a slope that is off by 1e-6 is seen."""

    def shifted(x):
        return x + 1e9, lambda dy: dy * (1 + 1e-6)

    x = np.array([[0.75, -1.5], [0.0, 2.25]])
    assert check(shifted, x, lines=False).verdict is Verdict.FAIL
