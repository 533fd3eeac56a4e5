"""Whole models as courses write them, a cost beside its gradient, are found by their names alone and judged."""

import inspect

import pytest
from handed_in import convicted, records, unwrapped
from strangers import regression

from reports.cli import main

SOURCE = inspect.getsource(regression)

FOUND = {
    "compute_cost": ["w", "b"],
    "compute_cost_logistic": ["w", "b"],
    "cost_function": ["theta"],
    "calculate_loss": ["w"],
    "propagate": ["w", "b"],
    "penalized": ["w"],
    "softplus": ["x"],
    "forward_backward_prop": ["W"],
    "Tanh": ["inputs"],
    "Dense": ["inputs", "w", "b"],
    "Shift": ["inputs", "B"],
    "kl_loss": ["mu", "logvar"],
    "residuals": ["p"],
    "chain_nll": ["unary", "trans"],
    "Factorization": ["P", "Q"],
    "RNN": ["x", "h_prev", "params.0", "params.1", "params.2"],
    "Elementwise": ["input"],
    "Softmax": ["input"],
    "swish": ["x"],
    "LeastSquares": ["w", "b"],
    "SoftmaxRegression": ["W"],
    "MLP": ["x", "weights.0", "weights.1", "biases.0", "biases.1"],
    "Heads": ["x", "W_v"],
}
"""What the file holds, and whose gradients there are."""


def test_all_are_found_by_their_names_and_pass(tmp_path, capsys):
    place = tmp_path / "regression.py"
    place.write_text(SOURCE)
    status, found = records(capsys, place)
    assert {one["name"]: [row["name"] for row in one["rows"]] for one in found} == FOUND
    assert status == 0 and {one["verdict"] for one in found} == {"PASS"}


SLOW, case = pytest.mark.slow, pytest.param


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradient", "code"),
    [
        case("compute_cost", "dj_db = dj_db / m\n", "dj_db = dj_db\n", "b", "scaled", marks=SLOW),
        ("compute_cost", "dj_dw[j] + err", "err", "w", "overlap-overwritten"),
        ("compute_cost_logistic", "- y\n    dj_db", "+ y\n    dj_db", "w", "sign-flipped"),
        case("cost_function", "- y) / m\n\n\n#", "- y)\n\n\n#", "theta", "scaled", marks=SLOW),
        ("calculate_loss", "grad = -tx", "grad = tx", "w", "sign-flipped"),
        ("propagate", "db = 1 / m *", "db =", "b", "scaled"),
        ("penalized", "+ 2 * lambda_ * w", "+ lambda_ * w", "w", "extra-term"),
        ("softplus", "return 1 / (1 + np.exp(-x))", "return 1 / (1 + np.exp(x))", "x", None),
        ("Dense", 'self.ctx["X"].T @ grad', 'self.ctx["X"].T @ grad / len(grad)', "w", "scaled"),
        ("kl_loss", "dlogvar = 0.5 *", "dlogvar =", "logvar", "scaled"),
        ("residuals", "-t * p[0] * np.exp(-p[1] * t)", "t * p[0] * np.exp(-p[1] * t)", "p", "sign-flipped"),
        ("Factorization", "dQ = -E.T @ self.P", "dQ = E.T @ self.P", "Q", "sign-flipped"),
        case("Softmax", "- self.output.T)", "+ self.output.T)", "input", None, marks=SLOW),
        ("swish", "return s + x * s * (1 - s)", "return s + x * s", "x", None),
        ("LeastSquares", "db = 2 / n *", "db = 1 / n *", "b", "scaled"),
        ("SoftmaxRegression", "X.T @ p / n + 2 *", "X.T @ p / n +", "W", "extra-term"),
        case("MLP", "self.acts[i].T @ grad", "self.acts[i].T @ grad * 2", "weights.0", "scaled", marks=SLOW),
        case("Heads", "dv @ self.W_v.T", "dv @ self.W_v", "x", "transposed", marks=SLOW),
        case("RNN", "np.dot(h_prev.T, dt)", "np.dot(h_next.T, dt)", "params.1", None, marks=SLOW),
    ],
)  # fmt: skip
def test_a_wrong_one_is_convicted_in_its_own_gradient(
    tmp_path, capsys, name, right, wrong, gradient, code
):
    codes = convicted(tmp_path, capsys, SOURCE, name, right, wrong, gradient)
    assert code is None or code in codes


NO_LOSS = """
import numpy as np

def forward_prop(W, b, X):
    Z = W.dot(X) + b
    A = np.exp(Z) / sum(np.exp(Z))
    return Z, A

def backward_prop(Z, A, X):
    return (A - 1).dot(X.T), np.sum(A - 1)

def prop_inputs(rng):
    return {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=(2, 1)), "X": rng.normal(size=(3, 4))}
"""


def test_a_backward_pass_of_a_loss_that_is_nowhere_is_told(tmp_path, capsys):
    (tmp_path / "net.py").write_text(NO_LOSS)
    assert main(["check", f"{tmp_path / 'net.py'}:prop"]) == 2
    assert "write one function that returns the loss" in unwrapped(capsys.readouterr().err)
