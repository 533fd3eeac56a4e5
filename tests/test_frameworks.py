"""Small frameworks, as published: read by the command line alone, and judged in what they mean."""

import inspect

import numpy as np
import pytest
from handed_in import convicted, records, unwrapped, write
from strangers import frameworks

from gradcheck import Verdict, check_loss
from reports.cli import main

SOURCE = inspect.getsource(frameworks)

FOUND = {
    "MeanSquared": ["y_pred"],
    "Huber": ["output"],
    "BinaryEntropy": ["y_pred"],
    "BCE": ["y_pred"],
    "HalfSquared": ["y"],
    "KeptSquared": ["y_pred"],
    "Softplus": ["X"],
    "Scaled": ["x"],
    "Arctan": ["x"],
    "FullyConnected": ["inputs", "weights", "biases"],
    "Cube": ["inputs"],
    "Dropout": ["inputs"],
    "SingleTanh": ["inputs"],
    "Prepared": ["X", "kernel", "offset"],
    "Flattened": ["batch"],
    "Stepping": ["x", "kernel"],
    "Listed": ["row", *(f"w.{j}.{i}" for j in range(2) for i in range(5))],
    "squared": ["y_pred"],
    "Smoothed": ["x"],
    "PickedEntropy": ["prediction_tensor"],
}
"""What the file holds, and whose gradients there are."""


FUSED = ("FusedEntropy", "HandingOn", "FusedLogistic")
"""What is right only together with what stands before or behind it."""


def test_all_are_found_and_pass(tmp_path, capsys):
    place = tmp_path / "frameworks.py"
    place.write_text(SOURCE[: SOURCE.index("class FusedEntropy")])
    status, found = records(capsys, place)
    assert {one["name"]: [row["name"] for row in one["rows"]] for one in found} == FOUND
    assert status == 0 and {one["verdict"] for one in found} == {"PASS"}


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradient", "code"),
    [
        ("MeanSquared", "return 2 * (y_pred - y_true)", "return 2 * (y_true - y_pred)", "y_pred", "sign-flipped"),
        ("BinaryEntropy", "(p * (1 - p)) / len(y)", "(p * (1 - p))", "y_pred", "scaled"),
        ("KeptSquared", "2 * (y_pred - y_true)\n", "(y_pred - y_true)\n", "y_pred", "scaled"),
        ("Softplus", "return 1 / (1 + np.exp(-X))", "return 1 / (1 + np.exp(X))", "X", None),
        ("FullyConnected", "derivatives.sum(axis=0", "derivatives.mean(axis=0", "biases", "averaged"),
        ("Cube", "3 * incoming", "2 * incoming", "inputs", "scaled"),
        ("Prepared", "self.seen.T.dot(accumulated)", "2 * self.seen.T.dot(accumulated)", "kernel", "scaled"),
        ("Stepping", 'self.x.T @ dout)', '-self.x.T @ dout)', "kernel", "sign-flipped"),
        ("Listed", "d * ws[i]", "2 * d * ws[i]", "row", "scaled"),
        ("squared", "2 * (p - t) / len", "(p - t) / len", "y_pred", "scaled"),
        ("SingleTanh", "(1 - self.out**2)", "(1 - self.out)", "inputs", None),
    ],
)  # fmt: skip
def test_a_wrong_one_is_convicted_in_its_own_gradient(
    tmp_path, capsys, name, right, wrong, gradient, code
):
    codes = convicted(tmp_path, capsys, SOURCE, name, right, wrong, gradient)
    assert code is None or code in codes


@pytest.mark.parametrize("name", FUSED)
def test_two_derivatives_in_one_are_told(tmp_path, capsys, name):
    place = tmp_path / "frameworks.py"
    place.write_text(SOURCE)
    status, (one,) = records(capsys, f"{place}:{name}")
    assert status == 1 and [f["code"] for f in one["rows"][0]["findings"]] == ["fused"]
    assert one["repair"] is None or name == "HandingOn"


def test_a_wrong_gradient_of_a_single_number_is_convicted():
    report = check_loss(
        lambda W, b: (float(W @ W + b * 3), (2 * W, np.asarray(4.0))), np.ones(3), np.asarray(0.5)
    )
    assert [row.verdict for row in report.rows] == [Verdict.PASS, Verdict.FAIL]


SIDES = """
    import numpy as np

    class Sides:
        def forward(self, y_true, y_pred):
            return -np.sum(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))

        def backward(self, y_true, y_pred):
            y_true = y_true.astype(int)
            return -y_true / y_pred + (1 - y_true) / y_pred
"""


def test_labels_that_are_proposed_are_not_all_alike(tmp_path, capsys):
    status, (one,) = records(capsys, write(tmp_path, sides=SIDES) / "sides.py")
    assert status == 1 and one["rows"][0]["verdict"] == "FAIL"


LAYER = """
    from .base import Layer
    from .. import settings
    from published.settings import FACTOR

    class Scale(Layer):
        def forward(self, x):
            self.x = x
            return settings.FACTOR * x

        def backward(self, dout):
            return FACTOR * dout
"""


def published(tmp_path, outside="", layers=""):
    """A package in its checkout, with a folder inside and a script beside it."""
    write(tmp_path / "published", __init__=outside, settings="FACTOR = 3.0\n")
    write(tmp_path / "published" / "layers", __init__=layers, base="class Layer: pass\n")
    return write(tmp_path / "published" / "layers", scale=LAYER) / "scale.py"


@pytest.mark.parametrize(
    "packages",
    [
        {},
        {"layers": "from .scale import Scale\n"},
        # What only its neighbours need is not installed.
        {"outside": "from .plots import plot\nimport not_installed_here\n"},
        {"outside": "import not_installed_here\n", "layers": "import nor_this\n"},
    ],
)
def test_a_file_of_a_package_is_checked_where_it_lies(tmp_path, capsys, packages):
    place = published(tmp_path, **packages)
    (tmp_path / "published" / "plots.py").write_text("import not_installed_either\n")
    status, (one,) = records(capsys, place)
    assert status == 0 and one["verdict"] == "PASS"


def test_what_a_file_itself_needs_and_is_missing_is_told(tmp_path, capsys):
    place = published(tmp_path)
    place.write_text("from .gone import Layer\n" + place.read_text())
    assert main(["check", str(place)]) == 2
    assert "No module named 'published.layers.gone'" in unwrapped(capsys.readouterr().err)


def test_a_script_finds_what_lies_at_the_top_of_its_checkout(tmp_path, capsys):
    published(tmp_path)
    (tmp_path / "setup.py").write_text("")
    write(tmp_path / "examples" / "first", double="""
        from published.settings import FACTOR

        def triple(x):
            return FACTOR * x, lambda dy: FACTOR * dy

        def triple_inputs(rng):
            return {"x": rng.normal(size=4)}
    """)  # fmt: skip
    status, (one,) = records(capsys, tmp_path / "examples" / "first" / "double.py")
    assert status == 0 and one["verdict"] == "PASS"


def test_why_an_object_cannot_be_run_is_told(tmp_path, capsys):
    write(tmp_path, lazy="""
        class Lazy:
            weights = None

            def forward(self, x):
                return x @ self.prepared

            def backward(self, dout):
                return dout @ self.prepared.T
    """)  # fmt: skip
    assert main(["check", str(tmp_path / "lazy.py")]) == 2
    told = unwrapped(capsys.readouterr().err)
    assert "AttributeError: 'Lazy' object has no attribute 'prepared' in line 6" in told
    assert "write make_Lazy(rng), which returns one that is" in told


GLOBALS = """
    import numpy as np

    size, letters = 4, 5
    rng = np.random.default_rng(0)
    Wxh, Whh, Why = (rng.normal(size=s) for s in ((size, letters), (size, size), (letters, size)))
    bh = np.zeros((size, 1))
    unread = np.zeros(3)

    def sequence_loss(inputs, targets, hprev):
        hs, ps, loss = {-1: hprev}, {}, 0
        for t in range(len(inputs)):
            hs[t] = np.tanh(Wxh[:, [inputs[t]]] + Whh @ hs[t - 1] + bh)
            e = np.exp(Why @ hs[t])
            ps[t] = e / e.sum()
            loss -= np.log(ps[t][targets[t], 0])
        dWxh, dWhh, dWhy, dbh = (np.zeros_like(p) for p in (Wxh, Whh, Why, bh))
        dhnext = np.zeros_like(hprev)
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            dWhy += dy @ hs[t].T
            draw = (Why.T @ dy + dhnext) * (1 - hs[t] ** 2)
            dbh += draw
            dWxh[:, [inputs[t]]] += draw
            dWhh += draw @ hs[t - 1].T
            dhnext = Whh.T @ draw
        return loss, dWxh, dWhh, dWhy, dbh, hs[len(inputs) - 1]

    def sequence_loss_inputs(rng):
        return {"inputs": [0, 2, 1, 2], "targets": [2, 1, 2, 3], "hprev": rng.normal(size=(4, 1))}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "failing"),
    [
        ("", "", []),
        ("dhnext = Whh.T @ draw", "dhnext = 2 * Whh.T @ draw", ["Wxh", "Whh", "bh"]),
        ("dy @ hs[t].T", "2 * dy @ hs[t].T", ["Why"]),
    ],
)
def test_the_parameters_of_a_loss_may_be_globals(tmp_path, capsys, right, wrong, failing):
    place = write(tmp_path, chars=GLOBALS.replace(right, wrong) if right else GLOBALS)
    _, (one,) = records(capsys, place / "chars.py")
    rows = {row["name"]: row["verdict"] for row in one["rows"]}
    assert sorted(rows) == ["Whh", "Why", "Wxh", "bh"]
    assert [name for name in ("Wxh", "Whh", "Why", "bh") if rows[name] != "PASS"] == failing
