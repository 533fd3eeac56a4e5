"""The V curves fall and rise at the rates that the theory gives."""

import numpy as np
import pytest

from gradcheck.curves import step_curves


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("central", 2), ("extrapolated", 4)])
def test_truncation_falls_with_the_order_of_the_method(method, order):
    curves = step_curves(np.exp, np.exp, np.array([0.7, 1.3, 2.0]))
    coarse = slice(0, 9)
    slope = np.polyfit(np.log(curves.steps[coarse]), np.log(curves.errors[method][coarse]), 1)[0]
    assert slope == pytest.approx(order, abs=0.25)
    assert curves.errors[method][-1] > 100 * curves.errors[method].min()


def test_the_complex_step_has_no_right_arm():
    curves = step_curves(np.exp, np.exp, np.array([0.7]))
    assert curves.errors["complex"][-1] < 1e-15
    assert "complex" not in step_curves(np.abs, np.sign, np.array([0.7])).errors


def test_a_wrong_derivative_stays_on_a_plateau_at_its_error():
    errors = step_curves(np.exp, lambda x: 1.5 * np.exp(x), np.array([0.7])).errors
    assert np.median(errors["central"]) == pytest.approx(1 / 3, rel=1e-6)
    zero = step_curves(np.exp, lambda x: 0 * x, np.array([0.7]), methods=("central",)).errors
    assert set(zero) == {"central"} and zero["central"][0] == 1


def test_what_is_fixed_does_not_move_and_what_is_single_stays_single():
    seen = []

    def f(x):
        seen.append(x)
        return np.abs(x)

    x = np.array([0.0, 2.0], dtype=np.float32)
    curves = step_curves(f, np.sign, x, methods=("central",), fixed=x == 0)
    assert all(point[0] == 0 and point.dtype == np.float32 for point in seen)
    # Along a straight line there is rounding alone, of an ulp in what is taken.
    assert (curves.errors["central"] * curves.steps)[:8].max() < np.finfo(np.float32).eps
