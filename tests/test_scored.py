"""Models with a loss of their own, `forward(X)`, `loss(prediction, y)`, `backward(X, y)`, as people write them."""

import numpy as np
import pytest
from edited import imported
from handed_in import unwrapped, write

from gradcheck import Verdict, check_module, check_pair
from reports.cli import main

RNG = np.random.default_rng(2)
X, CLASSES = RNG.normal(size=(6, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0]]

NET = """
import numpy as np

class Net:
    def __init__(self, inputs, hidden, outputs):
        rng = np.random.default_rng(3)
        self.W1, self.b1 = rng.normal(size=(inputs, hidden)), np.zeros((1, hidden))
        self.W2, self.b2 = rng.normal(size=(hidden, outputs)), np.zeros((1, outputs))

    def forward(self, X, training=True):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        z2 = self.a1 @ self.W2 + self.b2
        e = np.exp(z2 - z2.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def {cost}
        return -np.sum(labels * np.log(p)) / len(p)

    def {backward}
        dz2 = ({p} - labels) / len(X)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0, keepdims=True)
        dz1 = dz2 @ self.W2.T * (1 - self.a1**2)
        self.dW1, self.db1 = X.T @ dz1, dz1.sum(axis=0, keepdims=True)
"""
WAYS = [
    ("compute_loss(self, p, labels):", "backward(self, X, labels):", "self.p"),
    ("_cross_entropy(self, labels, p):", "backprop(self, X, labels):", "self.p"),
    ("calculate_cost(self, p, labels):", "backward(self, X, labels, output):", "output"),
    ("loss_fn(self, p, labels):", "backward(self, labels, X, lr=0.1):", "self.p"),
]


def made(text):
    room = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), room)
    return room["Net"](4, 5, 3)


@pytest.mark.parametrize(("cost", "backward", "p"), WAYS)
def test_the_loss_of_what_a_forward_pass_returns_is_differentiated(cost, backward, p):
    text = NET.format(cost=cost, backward=backward, p=p)
    report = check_module(made(text), X, CLASSES)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["W1", "b1", "W2", "b2"]
    assert f"What is differentiated is {cost[: cost.index('(')]}(" in str(report)
    bracketed = text.replace("np.log(p))", "np.log(p), keepdims=True)")
    assert check_module(made(bracketed), X, CLASSES).passed
    wrong = check_module(made(text.replace("/ len(X)", "/ 2")), X, CLASSES, lines=False)
    assert wrong["W1"].verdict is Verdict.FAIL
    assert {f.code for row in wrong.rows for f in row.findings} == {"scaled"}


def test_its_lines_are_read_and_mended(tmp_path, capsys):
    text = NET.format(cost=WAYS[0][0], backward=WAYS[0][1], p="self.p")
    write(tmp_path, net=text.replace("(1 - self.a1**2)", "(1 - self.a1)"))
    assert main(["check", str(tmp_path / "net.py")]) == 1
    shown = unwrapped(capsys.readouterr().out)
    assert "labels (3, 4)" in shown and "dz1, line 23, is wrong: with another" in shown, shown
    assert "With `dz1 = dz2 @ self.W2.T * (1 - self.a1 ** 2)` in line 23" in shown, shown


def test_a_target_is_no_upstream_gradient_where_there_is_no_loss(tmp_path, capsys):
    text = NET.format(cost="accuracy(self, labels, p):", backward=WAYS[0][1], p="self.p")
    with pytest.raises(TypeError, match="'labels', which looks like a target: what it goes back"):
        check_module(made(text), X)
    write(tmp_path, net=text)
    assert main(["check", str(tmp_path / "net.py")]) == 2
    assert "a loss, is nowhere" in unwrapped(capsys.readouterr().err)


def test_a_loss_of_the_inputs_themselves_is_the_forward_pass_then():
    whole = "cost(self, X, labels):\n        p = self.forward(X)"
    net = made(NET.format(cost=whole, backward="backprop(self, X, labels):", p="self.p"))
    report = check_module(net, X, CLASSES, forward="cost", backward="backprop")
    assert report.passed, str(report)


FUNCTIONS = """
import numpy as np

def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    AL = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return AL, (X, A1)

def compute_cost(A, Y):
    return float(np.squeeze(-(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / Y.shape[1]))

def cost_with_penalty(A, Y, parameters, lambd):
    W1, W2 = parameters["W1"], parameters["W2"]
    return compute_cost(A, Y) + lambd / (2 * Y.shape[1]) * ((W1**2).sum() + (W2**2).sum())

def backward_propagation({takes}):
    X, A1 = cache
    m = X.shape[1]
    dZ2 = AL - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)
    return {{
        "dW1": (dZ1 @ X.T{penalty[0]}) / m, "db1": dZ1.sum(axis=1, keepdims=True) / m,
        "dW2": (dZ2 @ A1.T{penalty[1]}) / m, "db2": dZ2.sum(axis=1, keepdims=True) / m,
    }}
"""
PENALTY = [' + lambd * parameters["W1"]', ' + lambd * parameters["W2"]']


@pytest.mark.parametrize(
    ("takes", "penalty", "more", "cost"),
    [
        ("AL, Y, cache, parameters", ["", ""], {}, "compute_cost(prediction, Y)"),
        (
            *("parameters, AL, cache, Y, lambd", PENALTY, {"lambd": 0.7}),
            "cost_with_penalty(prediction, Y, parameters, lambd)",
        ),
    ],
)
def test_functions_of_one_module_have_a_loss_too(takes, penalty, more, cost):
    room = {"__name__": "net"}
    exec(compile(FUNCTIONS.format(takes=takes, penalty=penalty), "net.py", "exec"), room)
    shapes = {"W1": (4, 3), "b1": (4, 1), "W2": (1, 4), "b2": (1, 1)}
    parameters = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    passes = room["forward_propagation"], room["backward_propagation"]
    report = check_pair(*passes, X[:5, :3].T, parameters, np.array([[0, 1, 1, 0, 1]]), **more)
    assert report.passed and len(report.rows) == 4, str(report)
    assert f"What is differentiated is {cost} of" in str(report)


def test_targets_are_proposed_like_the_prediction(tmp_path, capsys):
    text = FUNCTIONS.format(takes="AL, Y, cache, parameters", penalty=["", ""])
    write(tmp_path, net=text)
    assert main(["check", str(tmp_path / "net.py:propagation")]) == 0
    shown = unwrapped(capsys.readouterr().out)
    assert "X (3, 5), parameters {W1: (2, 3)," in shown, shown
    assert "b2: (7, 1)}, Y (7, 5)." in shown, shown


STEPPING = """
import numpy as np

class Net:
    def __init__(self):
        rng = np.random.default_rng(3)
        self.W1, self.W2 = rng.normal(size=(4, 5)), rng.normal(size=(5, 3))

    def forward(self, X):
        self.z1 = X @ self.W1
        self.a1 = np.tanh(self.z1)
        self.out = self.a1 @ self.W2
        return self.out

    def loss(self, out, target):
        return np.sum((out - target)**2) / len(out)

    def backward(self, X, target, learning_rate=0.01):
        dout = 2 * (self.out - target) / len(X)
        da1 = dout @ self.W2.T
        dz1 = da1 * (1 - self.a1**2)
        self.W2 -= learning_rate * (self.a1.T @ dout)
        self.W1 -= learning_rate * (X.T @ dz1)
"""
SLIPS = [
    ("da1 = dout @ self.W2.T", "da1 = (dout * self.out) @ self.W2.T", "scaled missing-mask"),
    ("da1 * (1 - self.a1**2)", "da1 * (self.a1 - self.a1**2)", "missing-mask"),
]


@pytest.mark.parametrize(("right", "wrong", "code"), SLIPS)
def test_what_weights_were_before_a_step_is_what_an_edit_reads(tmp_path, right, wrong, code):
    path = write(tmp_path, net=STEPPING.replace(right, wrong)) / "net.py"
    report = check_module(imported(path).Net(), X, RNG.normal(size=(6, 3)))
    (line,) = [f.evidence["line"] for f in report.findings if f.code == "first-wrong-line"]
    assert wrong in path.read_text().splitlines()[line - 1]
    assert report.repair is not None and report.repair.line == line, str(report)
    named = {f.code for f in report["W1"].findings}
    assert named <= set(code.split()), str(report)


KEYS = """
import numpy as np

def forward(X, parameters):
    Z1 = parameters["W1"] @ X
    A1 = np.tanh(Z1)
    A2 = parameters["W2"] @ A1
    return A2, {"Z1": Z1, "A1": A1, "A2": A2}

def compute_cost(A2, Y):
    return np.sum((A2 - Y)**2) / 2 / Y.shape[1]

def backward(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = 1 / m * dZ2 @ cache["Z1"].T
    dZ1 = parameters["W2"].T @ dZ2 * (1 - cache["A1"]**2)
    dW1 = 1 / m * dZ1 @ X.T
    grads = {"dW1": dW1, "dW2": dW2}
    return grads
"""


def test_another_key_is_another_value_and_a_returned_gradient_follows_no_convention(tmp_path):
    net = imported(write(tmp_path, net=KEYS) / "net.py")
    parameters = {"W1": RNG.normal(size=(4, 3)), "W2": RNG.normal(size=(2, 4))}
    given = X[:5, :3].T, parameters, RNG.normal(size=(2, 5))
    report = check_pair(net.forward, net.backward, *given)
    (line,) = [f.evidence["line"] for f in report.findings if f.code == "first-wrong-line"]
    assert "dW2 = " in KEYS.strip().splitlines()[line - 2], str(report)
    assert [f.code for f in report["parameters.W2"].findings] == ["wrong-variable"], str(report)


BESIDE = """
import numpy as np

class Net:
    def __init__(self):
        self.W = np.random.default_rng(3).normal(size=(4, 3))

    def forward(self, X):
        self.out = np.tanh(X @ self.W)
        return self.out

    def backward(self, X, target, out):
        return {"dW": X.T @ ((out - target) / len(X) * (1 - out**2))}

def absolute_loss(out, target):
    return np.sum(np.abs(out - target)) / len(out)

def squared_loss(out, target):
    return np.sum((out - target)**2) / 2 / len(out)
"""


def test_of_several_losses_beside_a_class_the_one_is_meant_that_its_way_back_is_of(tmp_path):
    path = write(tmp_path, net=BESIDE) / "net.py"
    given = X, RNG.normal(size=(6, 3))
    report = check_module(imported(path).Net(), *given)
    assert report.passed and "is squared_loss(prediction, target)" in str(report), str(report)
    assert main(["check", str(path)]) == 0
    path.write_text(BESIDE.replace("squared_loss", "squares"))
    assert not check_module(imported(path).Net(), *given, lines=False).passed


def test_a_mask_by_the_sign_of_a_target_is_not_excused(tmp_path, capsys):
    text = NET.format(cost="loss(self, p, labels):", backward=WAYS[0][1], p="self.p")
    text = text.replace("-np.sum(labels * np.log(p)) / len(p)", "0.5 * np.sum((p - labels) ** 2)")
    text = text.replace("self.p = e / e.sum(axis=1, keepdims=True)", "self.p = z2")
    text = text.replace("(self.p - labels) / len(X)", "(self.p - labels) * (labels > 0)")
    write(tmp_path, net=text)
    assert main(["check", str(tmp_path / "net.py"), "--effort", "directional"]) == 1


def test_a_loss_of_each_entry_is_no_loss(tmp_path):
    path = (
        write(tmp_path, net=STEPPING.replace("np.sum((out - target)**2)", "(out - target)**2"))
        / "net.py"
    )
    with pytest.raises(TypeError, match=r"loss returns an array of shape \(6, 3\)"):
        check_module(imported(path).Net(), X, RNG.normal(size=(6, 3)))
    beside = "def squares_loss(out, target):\n    return (out - target)**2\n"
    path.write_text(BESIDE + beside)
    assert check_module(imported(path).Net(), X, RNG.normal(size=(6, 3))).passed
