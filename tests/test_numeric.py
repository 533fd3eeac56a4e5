"""The numerical witness: its value within its bound, at every scale, in few evaluations."""

import mpmath
import numpy as np
import pytest
from examples import dense, pairwise_max, relu, smooth_window, softmax, tanh
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import check, numerical_gradient
from gradcheck.numeric import Forward, NumericalWitness, directional_derivative

FUNCTIONS = {
    "exp": (np.exp, np.exp),
    "sin50": (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x)),
    "rational": (
        lambda x: (1 + x) / (2 + x * x),
        lambda x: (2 - 2 * x - x * x) / (2 + x * x) ** 2,
    ),
    "tiny": (lambda x: 1e-8 * x**5, lambda x: 5e-8 * x**4),
    "huge": (lambda x: 1e8 * np.tanh(x), lambda x: 1e8 / np.cosh(x) ** 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(x=st.floats(0.01, 8), sign=st.sampled_from([-1, 1]))
def test_true_error_is_within_the_bound(name, x, sign):
    f, derivative = FUNCTIONS[name]
    point = np.array([sign * x])
    value, bound = numerical_gradient(f, [point], np.ones(1))
    true = derivative(point.astype(np.longdouble))
    assert abs(value - true) <= bound + 1e-15 * abs(true)
    assert bound <= 1e-4 * abs(true) + 1e-9 * abs(f(point))


@given(exponent=st.integers(-6, 6), seed=st.integers(0, 1000))
def test_steps_follow_the_scale_of_the_input(exponent, seed):
    x = 10.0**exponent * np.random.default_rng(seed).uniform(0.5, 2, 5)
    value, bound = numerical_gradient(np.log, [x], np.ones(5))
    assert (np.abs(value - 1 / x) <= bound).all()
    assert (bound <= 1e-8 / x).all()


def test_scales_mixed_within_one_array():
    x = 10.0 ** np.arange(-6, 7)
    value, bound = numerical_gradient(np.log, [x], np.ones(x.size))
    assert (np.abs(value - 1 / x) <= bound).all()
    assert (bound <= 1e-8 / x).all()


def test_cancellation_inside_widens_the_bound():
    def loses_twelve_digits(x):
        return (x + 1e4) - 1e4

    misses = 0
    for seed in range(100):
        x = np.random.default_rng(seed).normal(size=7)
        value, bound = numerical_gradient(loses_twelve_digits, [x], np.ones(7))
        misses += int((np.abs(value - 1) > bound).sum())
    assert misses == 0


def test_float32_inside_float64_widens_the_bound():
    def in_single(x):
        return np.sin(x.astype(np.float32)).astype(np.float64)

    x = np.random.default_rng(0).normal(size=50)
    value, bound = numerical_gradient(in_single, [x], np.ones(50))
    assert (np.abs(value - np.cos(x)) <= bound).all()
    assert np.median(bound) < 1e-2


def test_cancelling_function_against_many_digits():
    rng = np.random.default_rng(3)
    for x in rng.uniform(0.01, 1, 50):
        value, bound = numerical_gradient(
            lambda t: (1 - np.cos(t)) / t**2, [np.array(x)], np.ones(())
        )
        true = float(mpmath.diff(lambda t: (1 - mpmath.cos(t)) / t**2, mpmath.mpf(x)))
        assert abs(value - true) <= bound


@pytest.mark.parametrize("method", ["extrapolated", "central", "forward"])
@pytest.mark.parametrize("layer", [tanh, softmax, smooth_window])
def test_methods_agree_with_the_derivative(method, layer):
    x = np.random.default_rng(1).normal(size=(3, 7))
    y, backward = layer(x)
    dy = np.random.default_rng(2).normal(size=y.shape)
    value, bound = numerical_gradient(layer, [x], dy, method=method)
    assert (np.abs(value - backward(dy)) <= bound).all()
    assert bound.max() < {"extrapolated": 1e-8, "central": 1e-8, "forward": 1e-3}[method]


def test_complex_step_is_exact_to_rounding():
    x = np.random.default_rng(1).normal(size=7)
    value, bound = numerical_gradient(
        lambda t: np.exp(t) * np.sin(t), [x], np.ones(7), method="complex"
    )
    assert np.allclose(value, np.exp(x) * (np.sin(x) + np.cos(x)), rtol=1e-14)
    assert (np.abs(value - np.exp(x) * (np.sin(x) + np.cos(x))) <= bound).all()


def test_complex_step_refuses_what_is_not_analytic():
    x = np.array([0.3, -0.7])
    with pytest.raises(ValueError, match="accepts complex input"):
        numerical_gradient(np.abs, [x], np.ones(2), method="complex")
    with pytest.raises(ValueError, match="not analytic"):
        numerical_gradient(lambda t: t * np.abs(t), [x], np.ones(2), method="complex")


def evaluations(layer, *inputs, wrt=0):
    forward = Forward(layer, inputs)
    dy = np.random.default_rng(0).normal(size=forward.value.shape)
    found = NumericalWitness(forward, dy).gradient(wrt)
    assert (
        np.abs(found.value - np.asarray(_way_back(layer, inputs, dy, wrt))) <= found.bound
    ).all()
    return found.evaluations


def _way_back(layer, inputs, dy, wrt):
    gradients = layer(*inputs)[1](dy)
    return gradients[wrt] if isinstance(gradients, tuple) else gradients


def test_a_dense_weight_costs_its_rows():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 131)), 0.1 * rng.normal(size=(131, 50)), rng.normal(size=50)
    assert evaluations(dense, *inputs, wrt=1) <= 2 * 131 + 40


BENDING = {
    "nothing": (lambda w: 0.0 * w, 0.0),
    "a cube": (lambda w: 1e-6 * w**3, 3e-6 * 0.3**2),
    "a kink above": (lambda w: np.maximum(w, 0.32), 0.0),
    "kinks on either side": (lambda w: np.clip(w, 0.28, 0.32), 1.0),
    "a stair": (lambda w: np.floor(w), 0.0),
}
"""What one entry of a product of matrices adds to it, and how steeply at 0.3."""


@pytest.mark.parametrize("what", BENDING)
def test_where_one_entry_bends_nothing_is_taken_to_be_straight(what):
    rng = np.random.default_rng(1)
    x, W, dy = rng.normal(size=(2, 131)), rng.normal(size=(131, 50)), rng.normal(size=(2, 50))
    W[17, 3] = 0.99 if what == "a stair" else 0.3
    added, slope = BENDING[what]

    def f(W):
        y = x @ W
        y[:, 3] += added(W[17, 3])
        return y

    witness = NumericalWitness(Forward(f, [W]), dy)
    found, exact = witness.gradient(0), x.T @ dy
    exact[17, 3] += slope * dy[:, 3].sum()
    assert found.grouping.straight == (what == "nothing")
    assert (np.abs(found.value - exact) <= found.bound).all()


def test_a_kink_that_no_line_has_met_is_seen_by_the_group_that_meets_it(monkeypatch):
    monkeypatch.setattr("gradcheck.numeric.variable.LINES", 0)
    rng = np.random.default_rng(1)
    x, W, dy = rng.normal(size=(2, 40)), rng.normal(size=(40, 5)), rng.normal(size=(2, 5))
    W[17] = 0.3
    witness = NumericalWitness(Forward(lambda W: x @ W + np.maximum(W[17], 0.32), [W]), dy)
    found = witness.gradient(0)
    assert found.grouping.straight and (np.abs(found.value - x.T @ dy) <= found.bound).all()


@pytest.mark.parametrize("shape", [(1000,), (37, 41), (5, 7, 11, 3)])
@pytest.mark.parametrize("layer", [tanh, relu])
def test_an_elementwise_layer_costs_the_same_at_any_size(layer, shape):
    # Probes, two stencils, and the confirmation: four evaluations, to read its slopes off apart by index.
    assert evaluations(layer, np.random.default_rng(0).normal(size=shape)) <= 22


def test_local_windows_share_evaluations():
    x = np.random.default_rng(0).normal(size=(2, 101))
    # One by one, with the batch shared, it would be 4 · 101.
    assert evaluations(smooth_window, x) < 240


def test_grouping_that_a_probe_suggests_but_the_function_denies_is_dropped():
    def hidden_coupling(x):
        """Elementwise, but for one pair of entries."""
        y = np.tanh(x)
        y[3] += 0.5 * x[17] ** 2

        def backward(dy):
            dx = dy * (1 - np.tanh(x) ** 2)
            dx[17] += dy[3] * x[17]
            return dx

        return y, backward

    assert evaluations(hidden_coupling, np.random.default_rng(0).normal(size=40)) > 100


def test_a_tie_is_a_kink_between_its_slopes():
    found = NumericalWitness(Forward(pairwise_max, [np.array([[1.0, 1.0, 0.5]])]), np.array([2.0]))
    gradient = found.gradient(0)
    assert gradient.kinks.tolist() == [[True, True, False]]
    assert np.allclose(gradient.value[0, :2], 1) and np.allclose(gradient.bound[0, :2], 1)
    assert gradient.joint is not None
    assert gradient.joint.excess(np.array([[2.0, 0, 0]])).max() <= 0
    assert gradient.joint.excess(np.array([[2.0, 2.0, 0]])).max() > 1


def test_directional_derivative_through_all_inputs():
    rng = np.random.default_rng(4)
    x, W, b = rng.normal(size=(3, 5)), rng.normal(size=(5, 2)), rng.normal(size=2)
    directions = [rng.normal(size=v.shape) for v in (x, W, b)]
    y, backward = dense(x, W, b)
    dy = rng.normal(size=y.shape)
    slope, bound = directional_derivative(dense, [x, W, b], directions, dy)
    exact = sum((g * v).sum() for g, v in zip(backward(dy), directions, strict=True))
    assert abs(slope - exact) <= bound < 1e-7 * abs(exact) + 1e-8


def test_inputs_are_left_alone_and_results_repeat_to_the_bit():
    x = np.random.default_rng(0).normal(size=(3, 5))
    kept = x.copy()
    first = numerical_gradient(softmax, [x], np.ones((3, 5)))
    second = numerical_gradient(softmax, [x], np.ones((3, 5)))
    assert x.tobytes() == kept.tobytes()
    assert first.value.tobytes() == second.value.tobytes()
    assert first.bound.tobytes() == second.bound.tobytes()


def test_wrong_use_is_said():
    with pytest.raises(ValueError, match="expected one of extrapolated"):
        numerical_gradient(np.sin, [np.ones(2)], np.ones(2), method="guess")
    with pytest.raises(ValueError, match="dy has shape"):
        numerical_gradient(np.sin, [np.ones(2)], np.ones(3))
    with pytest.raises(TypeError, match="needs a float array"):
        numerical_gradient(lambda n: n * 1.0, [np.arange(3)], np.ones(3))
    with pytest.raises(ValueError, match="NaN or Inf"):
        numerical_gradient(lambda x: x / 0.0, [np.array([0.0])], np.ones(1))


def right_values(f, derivative, x, dtype=np.float64):
    """Whether the true derivative lies within every bound, for an elementwise f in its own precision."""
    x = np.asarray(x, dtype=dtype)
    found = NumericalWitness(Forward(f, [x]), np.ones(x.shape)).gradient(0)
    true = derivative(x.astype(np.float64))
    return np.abs(found.value - true) <= found.bound + 1e-15 * np.abs(true), found.bound


def test_an_exact_zero_in_float32_still_rounds_beside_it():
    w = np.float32(0.735610723)
    right, bound = right_values(
        lambda x: x * w, lambda x: np.full(x.shape, float(w)), [0.0, 1.0], np.float32
    )
    assert right.all()
    assert (bound < 1e-3).all()


def test_what_no_probe_moves_has_no_small_bound():
    """Each output holds ten numbers of size one beside which a window of tiny ones is lost."""

    def window(x):
        return 1e8 + np.lib.stride_tricks.sliding_window_view(x, 2).sum(axis=-1)

    x = 1e-9 * np.random.default_rng(0).normal(size=12)
    value, bound = numerical_gradient(window, [x], np.ones(11))
    true = np.array([1.0, *[2.0] * 10, 1.0])
    assert (np.abs(value - true) <= bound).all()


@pytest.mark.parametrize("lead", [20, 25, 30, 34])
def test_a_saturated_loss_is_a_staircase_without_a_small_bound(lead):
    def loss(x):
        shifted = x - x.max()
        return np.asarray(np.log(np.exp(shifted).sum()) - shifted[0])

    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=5)
        x[0] = x[1:].max() + lead
        p = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
        found = NumericalWitness(Forward(loss, [x]), np.ones(())).gradient(0)
        assert (np.abs(found.value - (p - np.eye(5)[0])) <= found.bound).all()


def test_what_nothing_is_computed_from_is_swept_once_and_not_entry_by_entry():
    x, unused = np.array([0.3, -0.7]), np.linspace(-1, 1, 60)
    witness = NumericalWitness(Forward(lambda x, unused: np.sin(x), [x, unused]), np.ones(2))
    found = witness.gradient(1)
    assert not found.value.any() and found.bound.max() < 1e-9
    # Three steps of four evaluations for each entry, as long as it may be that one of them moves something.
    assert found.evaluations < 60 * 12 + 200


def test_of_entries_that_stood_still_those_that_a_large_sum_hides_are_found():
    forward = Forward(lambda x: 1e18 + 3 * x[5:6], [np.linspace(0.1, 1, 8)])
    found = NumericalWitness(forward, np.ones(1)).gradient(0)
    assert abs(found.value[5] - 3) <= found.bound[5] < 0.1


def test_tiny_magnitudes_do_not_underflow_on_the_way():
    for exponent in (80, 100, 130):
        x = 10.0**-exponent * np.array([1.0, -2.0, 0.7])
        value, bound = numerical_gradient(lambda t: t * t, [x], np.ones(3))
        assert (np.abs(value - 2 * x) <= bound).all()
        assert (bound <= 1e-8 * np.abs(x)).all()
    for size in (1e-150, 1e150):
        x, dy = np.random.default_rng(0).normal(size=7), size * np.ones(7)
        value, bound = numerical_gradient(lambda t: (t + 1e4) - 1e4, [x], dy)
        assert (np.abs(value - size) <= bound).all()
        assert (bound <= 1e-6 * size).all()


@pytest.mark.parametrize("exponent", range(7, 13))
def test_many_periods_within_x(exponent):
    for mantissa in (1.234567, 2.718281):
        x = np.array([mantissa * 10.0**exponent])
        right, _ = right_values(np.sin, np.cos, x)
        assert right.all()


def test_a_large_common_mean_rounds_at_the_far_points():
    x = 1e8 + np.random.default_rng(0).normal(size=6)
    forward = Forward(lambda t: np.asarray(t.var()), [x])
    found = NumericalWitness(forward, np.ones(())).gradient(0)
    apart = x - x[0]
    assert (np.abs(found.value - 2 * (apart - apart.mean()) / 6) <= found.bound).all()
    assert found.bound.max() < 1e-5


def test_noise_is_measured_with_the_movable_inputs_only():
    def strict(x, labels):
        assert np.isin(labels, (0.0, 1.0)).all()
        return x * labels

    x, labels = np.random.default_rng(0).normal(size=4), np.array([0.0, 1.0, 1.0, 0.0])
    forward = Forward(strict, [x, labels], movable=[0])
    found = NumericalWitness(forward, np.ones(4)).gradient(0)
    assert (np.abs(found.value - labels) <= found.bound).all()
    with pytest.raises(AssertionError):
        NumericalWitness(Forward(strict, [x, labels]), np.ones(4))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_halves_and_long_doubles_are_inputs_like_others(dtype):
    x = np.random.default_rng(0).uniform(0.5, 2, size=9).astype(dtype)
    value, bound = numerical_gradient(np.sqrt, [x], np.ones(9))
    true = 0.5 / np.sqrt(x.astype(np.longdouble))
    assert (np.abs(value - true) <= bound + 1e-15 * true).all()
    assert bound.max() < (0.5 if dtype == np.float16 else 1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_a_refusal_beside_the_point_is_no_number_and_no_error(seed):
    """A step of a quarter of x leaves the positive definite matrices, where Cholesky's root is refused."""

    def log_determinant(S):
        root = np.linalg.cholesky((S + S.T) / 2)
        return 2 * np.log(np.diag(root)).sum(), lambda dy: dy * np.linalg.inv(S)

    A = np.random.default_rng(seed).normal(size=(5, 5))
    report = check(log_determinant, A @ A.T + 0.01 * np.eye(5), seed=seed, lines=False)
    assert report.passed, report
