"""Classes as popular collections write them are found, made and judged without a word from anybody."""

from pathlib import Path

import numpy as np
import pytest
from handed_in import records, unwrapped
from strangers import scratch

from gradcheck import check_loss, check_module
from reports.cli import main

FILE = Path(scratch.__file__)
RNG = np.random.default_rng(3)
WRONG = {"Softmax": {"diagonal-only"}}
"""What is wrong as it is published: the derivative of a softmax without its cross terms."""


def test_every_class_is_judged_at_proposed_inputs(capsys):
    _, found = records(capsys, FILE)
    codes = {
        one["name"]: {f["code"] for row in one["rows"] for f in row["findings"]} for one in found
    }
    assert len(codes) == 14
    assert {name: told for name, told in codes.items() if told} == WRONG
    assert [one["name"] for one in found if one["verdict"] != "PASS"] == [*WRONG]


def test_of_a_cell_everything_is_checked(capsys):
    _, (found,) = records(capsys, f"{FILE}:LSTMCell")
    gradients = {one["name"] for one in found["rows"]}
    assert gradients == {"x", "h_prev", "c_prev", "Wf", "Wi", "Wc", "Wo"}


@pytest.mark.parametrize(
    ("name", "right", "wrong", "codes"),
    [
        ("MSE", "return 2 * (predicted - actual) / len(predicted)", "return 2 * (predicted - actual)", {"scaled"}),
        ("SquareLoss", "return -(y - y_pred)", "return y - y_pred", {"sign-flipped"}),
        ("BatchNormalization", "dxc += self", "dxc = self", {"overlap-overwritten", "extra-term"}),
        ("LogisticRegression", "(p - y) / len(y)", "(y - p) / len(y)", {"sign-flipped"}),
    ],
)  # fmt: skip
def test_a_mistake_in_them_has_its_name(tmp_path, capsys, name, right, wrong, codes):
    text = FILE.read_text()
    assert text.count(right) == 1
    (tmp_path / "wrong.py").write_text(text.replace(right, wrong))
    _, (found,) = records(capsys, f"{tmp_path / 'wrong.py'}:{name}")
    told = {f["code"] for row in found["rows"] for f in row["findings"] if row["verdict"] == "FAIL"}
    assert found["verdict"] == "FAIL" and told and told <= codes


def test_a_derivative_of_one_of_two_inputs_is_that_of_the_prediction():
    y, prediction = RNG.normal(size=(2, 3, 4))
    report = check_module(scratch.SquareLoss(), y, prediction, forward="loss")
    assert report.passed and [row.name for row in report.rows] == ["y_pred"]
    assert check_module(scratch.SquareLoss(), y=y, y_pred=prediction).passed


@pytest.mark.parametrize(
    "labels", [np.array([0.0, 1, 1, 0]), np.array([0, 1, 1, 0]), RNG.random(4)]
)
def test_what_a_model_returns_without_a_name_belongs_to_its_weights(labels):
    X = RNG.normal(size=(4, 4))
    for report in (
        check_module(scratch.LogisticRegression(4), X, labels),
        check_loss(scratch.LinearRegression(4).loss, X, labels * 1.0),
    ):
        assert report.passed and [row.name for row in report.rows] == ["w"]


FLAT_BIAS = """
import numpy as np

class Dense:
    def __init__(self, num_in, num_out):
        self.params = {"w": np.random.randn(num_in, num_out), "b": np.zeros([1, num_out])}
        self.grads = {}

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.params["w"]) + self.params["b"]

    def backward(self, grad):
        self.grads["w"] = np.dot(self.inputs.T, grad)
        self.grads["b"] = np.sum(grad, axis=0)
        return np.dot(grad, self.params["w"].T)
"""


def test_a_shape_that_lacks_an_axis_of_length_one_is_the_finding_and_no_lack_of_inputs(
    tmp_path, capsys
):
    (tmp_path / "flat.py").write_text(FLAT_BIAS)
    _, (found,) = records(capsys, tmp_path / "flat.py")
    (b,) = (row for row in found["rows"] if row["name"] == "b")
    assert [one["code"] for one in b["findings"]] == ["wrong-shape"]
    assert b["findings"][0]["evidence"]["numbers"] is True


def test_a_penalty_that_is_zero_by_default_is_proposed(capsys):
    main(["check", f"{FILE}:TwoLayerNet"])
    assert "X (3, 5), y (3,), reg 0.35." in unwrapped(capsys.readouterr().out)
