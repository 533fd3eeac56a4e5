"""Inputs that nobody gave: proposed where they can be, asked for with a template where they cannot."""

import json
import re

import numpy as np
import pytest
from handed_in import records, unwrapped, write

from reports.cli import main


def test_inputs_that_are_missing_are_no_backward_pass_that_raises(tmp_path, capsys):
    write(tmp_path, hw="def f(a): raise ValueError\ndef f_backward(dy, a): return dy\n")
    assert main(["check", str(tmp_path / "hw.py"), "--format", "sarif"]) == 2
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["not-checked"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["not-checked"]


def test_inputs_are_given_on_the_line_or_proposed_and_said(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def affine(x, w, b):
            return x @ w + b, lambda dy: (dy @ w.T, x.T @ dy, dy.sum(axis=0))
        """,
    )
    place = str(tmp_path / "hw.py")
    assert main(["check", place, "--input", "x=4,3", "--input", "w=3,2", "--input", "b=2"]) == 0
    assert "4×3" in capsys.readouterr().out
    assert main(["check", place]) == 0
    said = unwrapped(capsys.readouterr().out)
    assert "were proposed" in said and "x (3, 5), w (5, 2), b (2,)" in said
    np.save(tmp_path / "w.npy", np.ones((3, 2)))
    saved = f"w=@{tmp_path / 'w.npy'}"
    assert main(["check", place, "--input", "x=4,3", "--input", saved, "--input", "b=2"]) == 0
    for spec in ("x", "x=blue", "w=@nowhere.npy"):
        assert main(["check", place, "--input", spec]) == 2


def header(descr, shape):
    text = str({"descr": descr, "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        header("|V0", (2**40,)),
        header("<f8", (98 * 10**9,)),
        header("<U3", (1,)) + bytes(12),
        header("<M8[s]", (1,)) + bytes(8),
        header("|O", (1,)) + bytes(8),
        b"",
    ],
    ids=["entries of no bytes", "784 GB", "text", "dates", "objects", "nothing"],
)
def test_a_file_that_holds_no_numbers_is_one_line_at_once(content, tmp_path, capsys):
    write(tmp_path, hw="def double(x):\n    return 2 * x, lambda dy: 2 * dy\n")
    (tmp_path / "x.npy").write_bytes(content)
    place = ["check", str(tmp_path / "hw.py"), "--input"]
    assert main([*place, f"x=@{tmp_path / 'x.npy'}"]) == 2
    said = capsys.readouterr().err
    assert said.endswith("holds no numbers as np.save writes them\n") and said.count("\n") == 1


def test_inputs_that_nobody_can_guess_are_asked_for_with_a_template(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def picky(x, w):
            assert x.shape == (11, 13)
            return x @ w, lambda dy: (dy @ w.T, x.T @ dy)
        """,
    )
    assert main(["check", str(tmp_path / "hw.py")]) == 2
    assert "def picky_inputs(rng): return {" in capsys.readouterr().err


@pytest.fixture
def few_tries(monkeypatch):
    """Where no way back is ever accepted, all combinations are tried: a tenth of them says the same."""
    monkeypatch.setattr("reports.targets.proposals.TRIES", 2_000)


STRIDES = """
import numpy as np

def thin_forward(x, param):
    s = param["stride"]
    assert s in {strides}
    return x[::s], (x, s)

def thin_backward(dout, cache):
    x, s = cache
    dx = np.zeros_like(x)
    dx[: len(dout)] = dout
    return dx
"""


@pytest.mark.parametrize(("strides", "verdict"), [((1, 2), "FAIL"), ((1,), "PASS")])
def test_a_stride_is_proposed_that_shows_where_it_is_left_out(tmp_path, capsys, strides, verdict):
    place = write(tmp_path, hw=STRIDES.format(strides=strides)) / "hw.py"
    assert [one["verdict"] for one in records(capsys, place)[1]] == [verdict]


SINGLES = """
import numpy as np

class Dense:
    def __init__(self):
        self.W = np.random.randn(5, 4).astype(np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T
"""


def test_inputs_are_proposed_in_the_precision_of_the_object(tmp_path, capsys):
    place = tmp_path / "singles.py"
    place.write_text(SINGLES)
    assert main(["check", str(place)]) == 0
    assert "x (3, 5) float32." in unwrapped(capsys.readouterr().out)
    place.write_text(SINGLES.replace("self.x.T @ dy", "(self.x.T @ dy).astype(float)"))
    status, (one,) = records(capsys, place)
    assert status == 1 and one["rows"][1]["findings"][0]["code"] == "wrong-dtype"


WAYS = {
    "product": ("dx, dw, db = dy @ w, x.T @ dy, dy.sum(axis=0)", "raises"),
    "transposed": ("dx, dw, db = dy @ w.T, dy.T @ x, dy.sum(axis=0)", "transposed"),
    "not summed": ("dx, dw, db = dy @ w.T, x.T @ dy, dy", "not-summed"),
    "summed up": ("dx, dw, db = dy @ w.T, x.T @ dy, dy.sum()", "wrong-shape"),
    "other axis": ("dx, dw, db = dy @ w.T, x.T @ dy, dy.sum(axis=1)", "wrong-shape"),
}
"""Ways back that raise, or return gradients of wrong shapes, with what is said of them."""


@pytest.mark.usefixtures("few_tries")
@pytest.mark.parametrize(("way", "code"), WAYS.values(), ids=WAYS)
def test_no_shapes_are_proposed_that_would_excuse_a_mistake(tmp_path, capsys, way, code):
    """A bias as large as the batch would have dy for its gradient, a scalar its sum; what is wrong is judged."""
    place = tmp_path / "dense.py"
    place.write_text(
        "def dense_forward(x, w, b): return x @ w + b, (x, w)\n"
        "def dense_backward(dy, cache):\n"
        f"    x, w = cache\n    {way}\n    return dx, dw, db\n"
    )
    status, (one,) = records(capsys, place)
    findings = [*one["findings"], *(f for row in one["rows"] for f in row["findings"])]
    assert status == 1 and code in {finding["code"] for finding in findings}


def test_the_bias_of_examples_in_columns_is_a_column(tmp_path, capsys):
    place = tmp_path / "linear.py"
    place.write_text(
        "import numpy as np\n"
        "def linear_forward(A, W, b): return np.dot(W, A) + b, (A, W)\n"
        "def linear_backward(dZ, cache):\n"
        "    A, W = cache\n"
        "    return W.T @ dZ, dZ @ A.T, dZ.sum(axis=1, keepdims=True)\n"
    )
    status, (one,) = records(capsys, place)
    assert status == 0 and [row["shape"] for row in one["rows"]] == [[3, 5], [2, 3], [2, 1]]


HELD = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)

def cell_forward(x, before, parameters):
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    ba = parameters["ba"]
    after = np.tanh(np.dot(Wax, x) + np.dot(Waa, before) + ba)
    return after, (after, before, x, parameters)

def cell_backward(dafter, cache):
    after, before, x, parameters = cache
    dz = (1 - after**2) * dafter
    return {
        "dx": np.dot(parameters["Wax"].T, dz),
        "dbefore": np.dot(parameters["Waa"].T, dz),
        "dWax": np.dot(dz, x.T),
        "dWaa": np.dot(dz, before.T),
        "dba": np.sum(dz, axis=1, keepdims=True),
    }

def regularized_loss(model, X, y, reg):
    scores = np.maximum(0, X.dot(model["W1"]) + model["b1"]).dot(model["W2"])
    p = softmax(scores.T).T
    rows = np.arange(len(X))
    loss = -np.log(p[rows, y]).mean() + 0.5 * reg * np.sum(model["W1"] ** 2)
    h, ds, grads = np.maximum(0, X.dot(model["W1"]) + model["b1"]), p.copy(), {}
    ds[rows, y] -= 1
    ds /= len(X)
    grads["W2"] = h.T.dot(ds)
    dh = ds.dot(model["W2"].T) * (h > 0)
    grads["W1"] = X.T.dot(dh) + reg * model["W1"]
    grads["b1"] = dh.sum(axis=0)
    return loss, grads

def inner(a, W, b):
    return W @ a + b

def either_forward(a, W, b, kind):
    z = inner(a, W, b)
    if kind == "tanh":
        return np.tanh(z), (a, W, z)
    elif kind == "exp":
        return np.exp(z), (a, W, z)

def either_backward(dy, cache, kind):
    a, W, z = cache
    dz = dy * (1 - np.tanh(z) ** 2 if kind == "tanh" else np.exp(z))
    return W.T @ dz, dz @ a.T, dz.sum(axis=1, keepdims=True)
"""


def test_what_inputs_hold_by_name_is_proposed_too(tmp_path, capsys):
    """Arrays in dictionaries, a word that is compared with words, a bias behind another function."""
    place = tmp_path / "held.py"
    place.write_text(HELD)
    status, three = records(capsys, place)
    rows = [[row["name"].removeprefix("parameters.") for row in one["rows"]] for one in three]
    assert status == 0 and [row.removeprefix("model.") for row in rows[1]] == ["W1", "b1", "W2"]
    assert rows[0] == ["x", "before", "Wax", "Waa", "ba"] and rows[2] == ["a", "W", "b"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("np.dot(dz, before.T)", "np.dot(dz, after.T)"),
        ("np.sum(dz, axis=1, keepdims=True)", "np.sum(dz)"),
        (' + reg * model["W1"]', ""),
        ("dz.sum(axis=1, keepdims=True)", "dz"),
    ],
)
def test_what_is_wrong_with_what_inputs_hold_is_convicted(tmp_path, capsys, right, wrong):
    place = tmp_path / "held.py"
    place.write_text(HELD.replace(right, wrong))
    status, three = records(capsys, place, "--effort", "directional")
    assert status == 1 and [one["verdict"] for one in three].count("FAIL") == 1


WORDS = """
import numpy as np

class Words:
    def __init__(self, features, words):
        self.E = np.random.randn(words, features)
        self.U = np.random.randn(words, features)

    def train_step(self, seq, follow, start):
        J, h, hs, ps = 0, start, [start], []
        for t in range(len(seq)):
            h = np.tanh(h + self.E[seq[t]][:, None])
            z = np.exp(self.U @ h)
            hs.append(h)
            ps.append(z / z.sum())
            J -= np.log(ps[t][follow[t], 0])
        dE, dU, back = np.zeros_like(self.E), np.zeros_like(self.U), np.zeros_like(h)
        for t in reversed(range(len(seq))):
            dz = ps[t].copy()
            dz[follow[t]] -= 1
            dU += dz @ hs[t + 1].T
            back = (self.U.T @ dz + back) * (1 - hs[t + 1] ** 2)
            dE[seq[t]] += back[:, 0]
        return J, dE, dU
"""


def test_a_method_of_any_name_that_returns_a_loss_with_its_gradients_is_checked(tmp_path, capsys):
    """What stands in an index is whole numbers, whatever it is called."""
    place = tmp_path / "words.py"
    place.write_text(WORDS)
    status, (one,) = records(capsys, place)
    assert status == 0 and [row["name"] for row in one["rows"]] == ["E", "U"]
    place.write_text(WORDS.replace("dE[seq[t]] +=", "dE[seq[t]] ="))
    assert records(capsys, place)[0] == 1


def test_targets_are_proposed_like_the_prediction(tmp_path, capsys):
    place = tmp_path / "mse.py"
    place.write_text(
        "class MSE:\n"
        "    def forward(self, pred, target):\n"
        "        self.d = pred - target\n"
        "        return (self.d**2).mean()\n"
        "    def backward(self): return 2 * self.d / self.d.size\n"
    )
    assert main(["check", str(place)]) == 0
    assert "pred (3, 5), target (3, 5)" in unwrapped(capsys.readouterr().out)


NET = """
import numpy as np

def net_forward(x, w1, b1, w2, b2):
    h = np.maximum(x @ w1 + b1, 0)
    return np.dot(h, w2) + b2, h

def net_backward(dout, h):
    raise NotImplementedError

def step_forward(state, inner, outer, shift):
    return np.tanh(outer.T.dot(state) + inner @ state + shift), None

def step_backward(dout, cache):
    raise NotImplementedError

def cost(q, X, y):
    return np.mean((X @ q - y) ** 2)

def cost_gradient(q, X, y):
    return q
"""


@pytest.mark.usefixtures("few_tries")
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("net", "x (3, 5), w1 (5, 2), b1 (2,), w2 (2, 7), b2 (7,)"),
        ("step", "state (3, 5), inner (2, 3), outer (3, 2), shift (5,)"),
    ],
)
def test_a_way_back_that_is_not_written_yet_fails_on_what_the_forward_pass_shows(
    tmp_path, capsys, name, shapes
):
    place = write(tmp_path, hw=NET) / "hw.py"
    assert main(["check", f"{place}:{name}"]) == 1
    said = unwrapped(capsys.readouterr().out)
    assert f"has no {name}_inputs(rng): {shapes}." in said and "NotImplementedError" in said


@pytest.mark.usefixtures("few_tries")
@pytest.mark.parametrize(("name", "shapes"), [("cost", {"q": (3,), "X": (5, 3), "y": (5,)})])
def test_a_template_has_shapes_that_the_forward_pass_accepts(tmp_path, capsys, name, shapes):
    place = write(tmp_path, hw=NET) / "hw.py"
    assert main(["check", f"{place}:{name}"]) == 2
    pasted = re.search(r"def \w+_inputs.*", capsys.readouterr().err)[0]
    scope = {}
    exec(NET + pasted, scope)
    inputs = scope[f"{name}_inputs"](np.random.default_rng(0))
    assert {n: value.shape for n, value in inputs.items()} == shapes
    scope.get(name, scope.get(f"{name}_forward"))(**inputs)


@pytest.mark.usefixtures("few_tries")
def test_a_template_draws_labels_and_options_as_they_were_when_it_ran(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        import numpy as np

        def pick_forward(p, labels, param):
            return p[np.arange(3), labels][:: param["stride"]], None

        def pick_backward(dout, cache):
            raise NotImplementedError
        """,
    )
    assert main(["check", str(tmp_path / "hw.py")]) == 2
    assert (
        "def pick_inputs(rng): return {"
        '"p": rng.uniform(0.1, 0.9, size=(3, 5)), '
        '"labels": rng.integers(0, 2, size=(3,)), '
        "\"param\": {'stride': 2}}"
    ) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("'x': rng.normal(size=(3, 5))", "hw.py: affine_inputs does not fit: input 'w' is missing"),
        ("'x': 1.0, 'w': 2.0, 'ww': 3.0", "there is no input 'ww'; did you mean w?"),
    ],
)
def test_inputs_that_lack_one_or_have_one_too_many_are_told_by_name(
    tmp_path, capsys, returned, said
):
    text = f"""
        def affine(x, w):
            return x @ w, lambda dy: (dy @ w.T, x.T @ dy)

        def affine_inputs(rng):
            return {{{returned}}}
        """
    place = write(tmp_path, hw=text) / "hw.py"
    assert main(["check", str(place)]) == 2
    told = capsys.readouterr().err
    assert said in told and "Error" not in told and told.count("\n") == 1


def test_a_matrix_and_a_vector_are_told_by_their_letters(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def ridge_loss(w, X, y):
            r = X @ w - y
            return (r**2).mean(), 2 * X.T @ r / len(y)
        """,
    )
    assert main(["check", f"{tmp_path / 'hw.py'}:ridge_loss"]) == 0
    assert "w (3,), X (5, 3), y (5,)" in unwrapped(capsys.readouterr().out)


def test_a_gradient_of_the_wrong_shape_is_not_right_for_single_numbers(tmp_path, capsys):
    place = write(tmp_path, hw="def total(x): return x.sum(), lambda dy: dy\n") / "hw.py"
    assert main(["check", str(place)]) == 2
    assert "for x (3, 5): dx has shape (), expected (3, 5)" in capsys.readouterr().err
