"""Which names belong together: what a gradient may be called, and what it is then the gradient of."""

import pytest

from gradcheck.lines.names import counterparts, grouped, undressed

DRESSED = """
dz d_z Dz D_z dL_dz dL_d_z dLdz dloss_dz dJ_dz dE_dz dC_dz dcost_dz derr_dz
grad_z grads_z gradient_z gradients_z delta_z error_z Delta_z G_z z_grad z_grads z_gradient z_error z_errors
z_delta z_deltas self.dz grads["dz"] grads["z"] self.grads["z"] grads.z d["z"] self.dparams.z
derivatives["z"] a.grad.z
"""


@pytest.mark.parametrize("name", DRESSED.split())
def test_a_gradient_of_z(name):
    assert counterparts(name, ["y", "z", "x"]) == ["z"]


@pytest.mark.parametrize("name", ["z", "y", "zd", "cache['z']", 'cache["z"]', "gradz", "d", "z_d"])
def test_what_is_no_gradient_of_z(name):
    assert counterparts(name, ["y", "z", "x"]) == []


def test_the_longest_beginning_is_taken_off_first():
    assert undressed("dL_dz") == ["z", "L_dz"] and undressed("d_x") == ["x", "_x"]
    assert undressed("gradW") == ["W"] and undressed("deltaOut") == ["eltaOut", "Out"]
    assert counterparts("dL_dz", ["L_dz", "z"]) == ["z"]


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("dh", ["hs"], ["hs"]),  # One of several that were kept.
        ("dh", ["h", "hs"], ["h"]),
        ("dz", ["self.z", 'cache["z"]'], ["self.z", 'cache["z"]']),  # Two places for one value.
        ("dxhat", ["x_hat"], ["x_hat"]),
        ("dX", ["x"], ["x"]),
        ("dx", ["x", "X"], ["x"]),
        ("dXhat", ["x_hat", "xhat"], []),  # It may be either.
        ("dW", ["w1", "w2"], []),
    ],
)
def test_exact_names_come_before_those_that_are_alike(name, known, found):
    assert counterparts(name, known) == found


def test_what_has_the_same_key_stays_in_order():
    assert grouped("bcaB", str.lower) == {"b": ["b", "B"], "c": ["c"], "a": ["a"]}
