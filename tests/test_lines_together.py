"""Line by line through what only hands on, wraps or puts together what is written elsewhere."""

import functools
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from examples import first_wrong

from gradcheck import check_derivative, check_loss

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


POINTS, WANTED = normal(5, 3), normal(5, 2)


def squared_error(W, X, t, decay):
    r = X @ W - t
    loss = (r * r).sum() + decay * (W * W).sum()
    dr = 2 * r
    dW = X.T @ dr + decay * W
    return loss, dW


class Fit:
    def __init__(self):
        self.W = None

    def loss(self, decay):
        return squared_error(self.W, POINTS, WANTED, decay)


def handing_on_with_an_object():
    fit = Fit()

    def loss(W):
        fit.W = W
        return fit.loss(0.3)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        lambda W: squared_error(W, POINTS, WANTED, 0.3),
        functools.partial(lambda decay, W: squared_error(W, X=POINTS, t=WANTED, decay=decay), 0.3),
        handing_on_with_an_object(),
    ],
    ids=["lambda", "partial", "object"],
)
def test_what_only_hands_on_is_seen_through(loss):
    report = check_loss(loss, normal(3, 2))
    found = report.by_line.first_wrong
    assert found is not None and found.evidence["source"].strip() == "dW = X.T @ dr + decay * W"
    assert report.repair is not None and "decay * W * 2" in report.repair.after


MODEL = """
class Net:
    def loss(self, X, y):
        self.z = X @ self.W
        self.r = self.z - y
        self.count = len(X)
        return (self.r**2).sum() / self.count

    def gradients(self, X, y, start):
        self.loss(X, y)
        dr = 2 * self.r
        return X.T @ dr, start

    def train(self, X, y):
        value = self.loss(X, y)
        dz = 2 * self.r / self.count
        self.dW = X.T @ (dz + 1)
        return value
"""


def one_call(net):
    def loss(W):
        net.W = W
        value = net.train(POINTS, WANTED)
        return float(value), (net.dW,)

    return loss, "self.dW = X.T @ (dz + 1)"


def two_calls(net):
    def loss(W):
        net.W = W
        value = net.loss(POINTS, WANTED) + 0.5
        dW, _ = net.gradients(POINTS, WANTED, np.zeros(3))
        return value, dW

    return loss, "dr = 2 * self.r"


@pytest.mark.parametrize("wrapped", [one_call, two_calls])
def test_a_loss_that_wraps_a_model_of_another_file_is_seen_through(tmp_path, wrapped):
    (tmp_path / "model.py").write_text(MODEL)
    loss, line = wrapped(runpy.run_path(str(tmp_path / "model.py"))["Net"]())
    report = check_loss(loss, normal(3, 2))
    found = report.by_line.first_wrong
    assert found is not None and found.evidence["source"].strip() == line
    assert report.repair is not None and Path(found.evidence["file"]).name == "model.py"


THERE_AND_BACK = """
import dataclasses

import numpy as np

@dataclasses.dataclass(frozen=True)
class Slopes:
    dW: np.ndarray
    db: np.ndarray

def squashed(X, weights):
    a = X @ weights["W"] + weights["b"]
    return np.tanh(a)

def half_squares(out, y):
    return float(((out - y) ** 2).sum()) / 2

def slopes(out, y, X):
    dout = out - y
    da = dout * (1 - out)
    found = Slopes(X.T @ da, da.sum(axis=0))
    return found, len(X)
"""


def under_names(model):
    def loss(weights):
        out = model.squashed(POINTS, weights)
        value = model.half_squares(out, WANTED)
        found, _ = model.slopes(out, WANTED, POINTS)
        return value, {name: getattr(found, "d" + name) for name in weights}

    return loss, {"W": normal(3, 2), "b": normal(2)}


def in_a_tuple(model):
    def loss(W, b):
        out = model.squashed(POINTS, {"W": W, "b": b})
        value = model.half_squares(out, WANTED)
        return value, tuple(vars(model.slopes(out, WANTED, POINTS)[0]).values())

    return loss, normal(3, 2), normal(2)


@pytest.mark.parametrize("laid_out", [under_names, in_a_tuple])
def test_a_loss_of_three_calls_is_seen_through_and_what_is_given_may_be_laid_out_otherwise(
    tmp_path, laid_out
):
    (tmp_path / "model.py").write_text(THERE_AND_BACK)
    model = SimpleNamespace(**runpy.run_path(str(tmp_path / "model.py")))
    report = check_loss(*laid_out(model))
    assert report.repair is not None and report.repair.code == "missing-mask"
    assert report.repair.after.strip() == "da = dout * (1 - out ** 2)"
    assert Path(report.by_line.first_wrong.evidence["file"]).name == "model.py"


PASSES = """
import numpy as np

DECAY = 0.3

def squash(z):
    return 1 / (1 + np.exp(-z))

def ahead(params, X):
    h = np.tanh(X @ params["W"])
    return squash(h @ params["v"]), {"h": h, "X": X}

def cost(p, y, params):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + DECAY * np.sum(params["v"] ** 2)

def back(p, y, cache, params):
    dz = (p - y) / y.size
    dv = cache["h"].T @ dz + DECAY * params["v"]
    dh = np.outer(dz, params["v"])
    grads = {"dW": cache["X"].T @ (dh * (1 - cache["h"] ** 2)), "dv": dv}
    return grads
"""


def put_together_by_a_loss(net):
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0])

    def loss(params):
        p, cache = net.ahead(params, POINTS)
        grads = net.back(p, y, cache, params)
        return float(net.cost(p, y, params)), {name[1:]: grads[name] for name in grads}

    return check_loss(loss, {"W": normal(3, 4), "v": normal(4)})


def put_together_by_a_derivative(net):
    params, y = {"W": normal(3, 4)}, np.array([1.0, 0.0, 0.0, 1.0, 1.0])

    def value(v):
        return net.cost(net.ahead({**params, "v": v}, POINTS)[0], y, {"v": v})

    def slope(v):
        p, cache = net.ahead({**params, "v": v}, POINTS)
        return net.back(p, y, cache, {"v": v})["dv"]

    return check_derivative(value, slope, normal(4))


def turned_round(net):
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0])

    def loss(params):
        p, cache = net.ahead(params, POINTS)
        grads = net.back(p, y, cache, params)
        return float(net.cost(p, y, params)), {"W": grads["dW"].T, "v": -grads["dv"]}

    return check_loss(loss, {"W": normal(3, 3), "v": normal(3)})


def test_what_computes_with_the_gradients_of_others_is_in_doubt_itself(tmp_path):
    right = PASSES.replace('DECAY * params["v"]\n', '2 * DECAY * params["v"]\n')
    (tmp_path / "passes.py").write_text(right)
    report = turned_round(SimpleNamespace(**runpy.run_path(str(tmp_path / "passes.py"))))
    assert Path(first_wrong(report)["file"]).name == Path(__file__).name


@pytest.mark.parametrize("checked", [put_together_by_a_loss, put_together_by_a_derivative])
def test_what_puts_the_functions_of_another_file_together_is_seen_through(tmp_path, checked):
    (tmp_path / "passes.py").write_text(PASSES)
    report = checked(SimpleNamespace(**runpy.run_path(str(tmp_path / "passes.py"))))
    assert report.repair is not None
    assert report.repair.before.startswith("dv =") and report.repair.after.endswith("* 2")
    assert Path(first_wrong(report)["file"]).name == "passes.py"
