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
