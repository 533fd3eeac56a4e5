"""What a file holds is found by the names that people give, and a name that is not there is answered."""

import pytest
from handed_in import RIGHT, records, write

from reports.cli import main


def test_a_misspelled_name_is_told_from_the_one_that_is_there(submissions, capsys):
    place = submissions / "one" / "hw.py"
    assert main(["check", f"{place}:sqare"]) == 2
    assert "did you mean square? (it holds square)" in capsys.readouterr().err
    assert main(["check", str(place.with_name("helper_hw.py"))]) == 2
    assert f"did you mean {place.with_name('helpers_hw.py')}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("layernorm", "layer_norm"),
        ("Dense", "dense"),
        ("affin", "dense"),  # Called so elsewhere.
        ("linear", "dense"),
        ("mse", "mean_squared_error"),
        ("squaer", "square.py"),
    ],
)
def test_a_misspelled_target_is_answered_with_the_likely_one(
    tmp_path, capsys, monkeypatch, typed, meant
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "square.py").touch()
    assert main(["check", typed]) == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")


def test_derivatives_are_found_under_many_names(tmp_path, capsys):
    names = ["{}_gradient", "{}_grad", "{}_derivative", "{}_jacobian", "{}_prime", "grad_{}", "d{}"]
    text = "import numpy as np\n"
    for k, pattern in enumerate(names):
        stem = f"wave{k}"
        text += (
            f"def {stem}(x): return np.sin(x)\ndef {pattern.format(stem)}(x): return np.{{}}(x)\n"
        )
        text += f"def {stem}_inputs(rng): return {{'x': rng.normal()}}\n"
    text = text.replace("'x': rng", "'x': rng").replace("{}(x)", "cos(x)").replace("{{", "{")
    (tmp_path / "waves.py").write_text(text)
    status, found = records(capsys, tmp_path / "waves.py")
    assert status == 0 and [one["name"] for one in found] == [f"wave{k}" for k in range(len(names))]


STRANGERS = """
import numpy as np

class Linear:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out) * 0.1
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T

class Sigmoid:
    def forward(self, z):
        self.y = 1 / (1 + np.exp(-z))
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)

def square_loss(x, y):
    return 0.5 * ((x - y) ** 2).sum(), x - y

def square_loss_inputs(rng):
    return {"x": rng.normal(size=(4, 3)), "y": rng.integers(0, 2, (4, 3))}

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
"""


def test_classes_losses_and_pairs_are_found_and_checked_without_an_adapter(tmp_path, capsys):
    place = tmp_path / "nets.py"
    place.write_text(STRANGERS)
    status, found = records(capsys, place)
    assert {one["name"]: one["verdict"] for one in found} == dict.fromkeys(
        ["Linear", "Sigmoid", "square_loss", "rnn_step"], "PASS"
    )
    assert status == 0
    assert [len(row["shape"]) for row in found[3]["rows"]] == [2, 2, 2, 2, 1]
    place.write_text(STRANGERS.replace("grad.sum(axis=0)", "grad.mean(axis=0)"))
    status, found = records(capsys, f"{place}:Linear")
    assert status == 1 and found[0]["rows"][2]["findings"][0]["code"] == "averaged"


MIRRORED = """
def scale_forward_naive(x):
    return 3 * x, None

def scale_backward_naive(dout, cache):
    return 2 * dout
"""


def test_a_pair_may_say_which_it_is_behind_its_way(tmp_path, capsys):
    place = write(tmp_path, hw=MIRRORED) / "hw.py"
    status, found = records(capsys, place)
    assert status == 1
    assert [(one["name"], one["verdict"]) for one in found] == [("scale_forward_naive", "FAIL")]


LOSSES = """
import numpy as np

def softmax_loss(x, y):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(x)), y]).mean()
    dx = p.copy()
    dx[np.arange(len(x)), y] -= 1
    return loss, dx / len(x)

def mse(pred, target):
    return ((pred - target) ** 2).mean(), 2 * (pred - target) / pred.size

def halves(x):
    return x[: len(x) // 2], x[len(x) // 2 :]

def alone(x):
    return 2 * x
"""


@pytest.mark.slow
def test_losses_are_found_by_what_they_return_and_tried_where_they_are_named(tmp_path, capsys):
    place = tmp_path / "losses.py"
    place.write_text(LOSSES)
    status, found = records(capsys, place)
    assert [(one["name"], one["verdict"]) for one in found] == [("softmax_loss", "PASS")]
    assert status == 0
    status, (one,) = records(capsys, f"{place}:mse", "--input", "pred=3,2", "--input", "target=3,2")
    assert one["verdict"] == "PASS"
    assert main(["check", f"{place}:alone"]) == 2
    assert "no loss that returns its gradients; it holds softmax_loss" in capsys.readouterr().err
    place.write_text(LOSSES.replace("dx / len(x)", "dx"))
    status, (one,) = records(capsys, place)
    assert status == 1 and one["rows"][0]["findings"][0]["code"] == "scaled"


def test_a_class_to_derive_from_is_left_out(tmp_path, capsys):
    place = tmp_path / "base.py"
    place.write_text(
        "class Layer:\n"
        "    def forward(self, x): raise NotImplementedError\n"
        "    def backward(self, dy):\n"
        "        'To be written.'\n"
        "class Double(Layer):\n"
        "    def forward(self, x): return 2 * x\n"
        "    def backward(self, dy): return 2 * dy\n"
    )
    status, found = records(capsys, place)
    assert status == 0 and [one["name"] for one in found] == ["Double"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("folder", "'folder' is a folder: name the files in it"),
        ("data.csv", "'data.csv' is neither a FILE.py nor a NOTEBOOK.ipynb"),
        ("hw.square", "did you mean hw.py:square?"),
        ("hw.py::square", "'hw.py::square' has more than one name: expected FILE.py:NAME"),
        ("hw.py:square:x", "'hw.py:square:x' has more than one name: expected FILE.py:NAME"),
    ],
)
def test_what_is_no_target_is_told_what_it_is_and_hides_no_other(
    tmp_path, capsys, monkeypatch, typed, said
):
    write(tmp_path, hw=RIGHT, helpers_hw="def factor():\n    return 2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["check", typed, "hw.py", "--quiet"]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1
    assert told.out == "hw.py:square: PASS\n"


def test_a_forward_pass_without_a_return_is_told(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def f_forward(x):
            2 * x

        def f_backward(dout, cache):
            return dout
        """,
    )
    assert main(["check", str(tmp_path / "hw.py")]) == 2
    assert "f_forward returned None: is its `return` forgotten. If" in capsys.readouterr().err


def test_a_name_that_is_something_else_is_told_what(tmp_path, capsys):
    text = "import math\nfrom math import hypot\nclass Net:\n    def forward(self, x): return x\n"
    place = write(tmp_path, hw=text) / "hw.py"
    for name, said in (
        ("Net", "the class Net has no forward and backward"),
        ("math", "math is a module, expected a function or a class"),
        (
            "hypot",
            "no layer hypot with hypot_inputs(rng), no pair hypot_forward and hypot_backward, no "
            "hypot_gradient, no loss that returns its gradients",
        ),
    ):
        assert main(["check", f"{place}:{name}"]) == 2
        assert f"hw.py: {said}; it holds nothing" in capsys.readouterr().err


def test_what_is_private_is_checked_where_nothing_else_is(tmp_path, capsys):
    pair = """
        def _double_fwd(x):
            return 2 * x, None

        def _double_bwd(d, cache):
            return 2 * d
    """
    place = write(tmp_path, hw=pair) / "hw.py"
    assert [one["name"] for one in records(capsys, place)[1]] == ["_double"]
    public = "\n        def halve(x):\n            return x / 2, lambda dy: dy / 2\n"
    place = write(tmp_path, hw=pair + public) / "hw.py"
    assert [one["name"] for one in records(capsys, place)[1]] == ["halve"]


def test_either_half_stands_for_the_whole(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        import numpy as np

        def forward_tanh(x):
            return np.tanh(x), x

        def backward_tanh(dout, x):
            return dout * (1 - np.tanh(x) ** 2)

        def bump(x):
            return np.exp(-(x**2))

        def bump_derivative(x):
            return -2 * x * np.exp(-(x**2))
        """,
    )
    for half, whole in (("backward_tanh", "tanh"), ("bump_derivative", "bump")):
        _, (one,) = records(capsys, f"{tmp_path / 'hw.py'}:{half}")
        assert (one["name"], one["verdict"]) == (whole, "PASS")
