"""What code leaves unsaid is understood all the same, and what is wrong in it has its name."""

import inspect

import numpy as np
import pytest
from handed_in import convicted, records, unwrapped
from strangers import unspoken

from gradcheck import Verdict, check_module, check_pair

SOURCE = inspect.getsource(unspoken)

FOUND = {
    "channel_norm": {"x": [2, 5, 5, 3], "gamma": [1, 5, 1, 1], "beta": [1, 5, 1, 1]},
    "FeatureScale": {"x": [2, 3, 5], "scale": [1, 1, 5]},
    "mix": None,
    "halved": None,
    "squash": {"signal": [3, 5]},
    "gate": {"feature_maps": [3, 5]},
    "logistic": {"x": [3, 5]},
    "scaled": None,
    "Windows": {"x": [2, 5, 5, 3], "w": [2, 5, 2, 2]},
    "Lazy": {"x": [3, 5], "gain": [1, 5]},
    "single": {"inputs": [5], "weights": [5, 2], "biases": [2]},
}
"""What the file holds, and the shapes of its gradients where they can be no others."""


def test_all_is_found_and_passes(tmp_path, capsys):
    place = tmp_path / "unspoken.py"
    place.write_text(SOURCE)
    status, found = records(capsys, place)
    assert {one["name"]: one["verdict"] for one in found} == dict.fromkeys(FOUND, "PASS")
    shapes = {one["name"]: {row["name"]: row["shape"] for row in one["rows"]} for one in found}
    assert {name: shapes[name] for name, told in FOUND.items() if told} == {
        n: t for n, t in FOUND.items() if t
    }
    assert status == 0


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradient", "code"),
    [
        ("channel_norm", "return dx / std", "return dx", "x", None),
        ("FeatureScale", "1 - np.tanh(self.x) ** 2", "1 - np.tanh(self.x)", "x", "missing-mask"),
        ("mix", "db = dZ.sum(axis=(0, 2))", "db = dZ.mean(axis=(0, 2))", "b", "averaged"),
        ("halved", "axis=3) / 4", "axis=3)", "A", "scaled"),
        ("squash", "(1.0 - squash_output**2)", "(1.0 - squash_output)", "signal", None),
        ("gate", "inputs > 0, output_gradients", "inputs < 0, output_gradients", "feature_maps", None),
        ("logistic", "return s * (1.0 - s)", "return s * (1.0 + s)", "x", None),
        ("scaled", "(dy * hat).sum(axis=0)", "(dy * hat).mean(axis=0)", "gamma", "averaged"),
        ("Windows", "self.dw += np", "self.dw = np", "w", "overlap-overwritten"),
        ("Lazy", "self.gain * 2 * self.input", "self.gain * self.input", "x", "scaled"),
        ("single", "output_gradients, weights.T", "output_gradients, -weights.T", "inputs", "sign-flipped"),
    ],
)  # fmt: skip
def test_a_mistake_is_convicted(tmp_path, capsys, name, right, wrong, gradient, code):
    codes = convicted(tmp_path, capsys, SOURCE, name, right, wrong, gradient)
    assert code is None or code in codes


def test_gradients_in_an_order_of_their_own_are_taken_by_their_names_where_more_of_their_shapes_fit_so():
    rng = np.random.default_rng(0)
    forward, backward = unspoken.mix_forward, unspoken.mix_backward
    report = check_pair(forward, backward, *(rng.normal(size=s) for s in ((2, 5, 4), (5, 3), 3)))
    assert report.passed and "dW for W, db for b, dX for X" in unwrapped(str(report))

    def forgetting(dZ, X, W):
        dW, _, dX = backward(dZ, X, W)
        db = dZ
        return dW, db, dX

    # One of them of another shape makes the others no less theirs.
    several = [rng.normal(size=s) for s in ((2, 5, 4), (5, 3), 3)]
    report = check_pair(forward, forgetting, *several)
    assert [row.verdict is Verdict.PASS for row in report] == [True, True, False]

    def product(x, W):
        return x @ W

    def exchanged(dy, x, W):
        dx, dW = dy @ W.T, x.T @ dy
        return dW, dx

    # What fits by its place has its place.
    report = check_pair(product, exchanged, *(rng.normal(size=(3, 3)) for _ in "xW"))
    assert {row.findings[0].code for row in report} == {"swapped"}
    assert check_pair(product, exchanged, rng.normal(size=(2, 3)), rng.normal(size=(3, 4))).passed


def test_the_derivative_of_a_value_is_said_to_be_one(tmp_path, capsys):
    place = tmp_path / "unspoken.py"
    place.write_text(SOURCE)
    _, (one,) = records(capsys, f"{place}:logistic")
    (remark,) = [f["message"] for f in one["findings"] if f["code"] == "adapted"]
    assert remark == "logistic_deriv was handed the value of logistic: it calls that s, and not x."
    # By the function's own name it is the input, and no value.
    place.write_text(
        SOURCE.replace("_deriv(s):\n    return s * (1.0 - s)", "_deriv(x):\n    return x * (1 - x)")
    )
    assert records(capsys, f"{place}:logistic")[0] == 1


def test_what_a_first_pass_keeps_of_its_input_is_no_parameter():
    layer = unspoken.Lazy()
    x = np.random.default_rng(0).normal(size=(4, 3))
    layer.forward(x)
    assert [row.name for row in check_module(layer, x)] == ["x", "gain"]


def test_a_gradient_that_is_forgotten_is_no_order():
    rng = np.random.default_rng(0)
    several = [rng.normal(size=shape) for shape in ((3, 3), (3, 3), (3,))]

    def affine(x, W, b):
        return x @ W + b, (x, W)

    def forgetful(dy, cache):
        dW, db = cache[0].T @ dy, dy.sum(axis=0)
        return dW, db

    assert check_pair(affine, forgetful, *several).verdict is Verdict.FAIL


class Scale:
    def __init__(self):
        self.gamma = np.ones(1)

    def forward(self, x):
        self.x = x
        return x * self.gamma

    def backward(self, dout):
        self.dgamma = np.array([(dout * self.x).sum()])
        return dout.copy()


def test_a_single_one_hides_no_factor():
    report = check_module(Scale(), np.random.default_rng(0).normal(size=(3, 4)))
    assert report["x"].verdict is Verdict.FAIL and "With gamma as given" in unwrapped(str(report))
