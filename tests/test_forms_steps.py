"""Objects whose backward pass takes a step itself: the gradients are read off it, where it follows them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from strangers import library_layers as layers

from gradcheck import Verdict, check_module


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


X = normal(5, 4)


def test_a_step_may_be_taken_by_a_method_or_with_the_objects_own_rate():
    class Stepping(layers.Dense):
        lr = 0.5

        def backward(self, dout):
            self.gradient_of_everything = self.x.T @ dout, dout.sum(axis=0)
            return dout @ self.W.T

        def update(self, learning_rate):
            dW, db = self.gradient_of_everything
            self.W = self.W - learning_rate * dW
            self.b = self.b - learning_rate * db

    class Immediate(Stepping):
        def backward(self, dout):
            dx = super().backward(dout)
            self.update(self.lr)
            return dx

    for module, update in ((Stepping(4, 3), "update"), (Immediate(4, 3), 0.5)):
        report = check_module(module, X, update=update)
        assert report.passed, str(report)
        assert [row.name for row in report.rows] == ["x", "W", "b"]
    assert not check_module(Immediate(4, 3), X, update=0.25, lines=False).passed


def test_weights_that_are_updated_before_the_inputs_gradient_are_convicted():
    class Hasty(layers.FCLayer):
        def backward_propagation(self, output_error, learning_rate):
            super().backward_propagation(output_error, learning_rate)
            return np.dot(output_error, self.weights.T)

    report = check_module(Hasty(4, 3), X)
    verdicts = {row.name: row.verdict for row in report.rows}
    assert verdicts["input_data"] is Verdict.FAIL
    assert verdicts["weights"] is Verdict.PASS


class Updating:
    """A dense layer that updates its own weights, with whatever keeps their last steps."""

    def __init__(self, update, started=0.0):
        self.W, self.b = normal(3, 2), normal(2, seed=1)
        self.vW, self.vb = np.full((3, 2), started), np.full(2, started)
        self.update = update

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        dx = dy @ self.W.T
        self.update(self, "W", self.x.T @ dy)
        self.update(self, "b", dy.sum(axis=0))
        return dx


def with_momentum(layer, name, gradient, factor=1.0):
    velocity = 0.9 * getattr(layer, "v" + name) - 0.1 * factor * gradient
    setattr(layer, "v" + name, velocity)
    setattr(layer, name, getattr(layer, name) + velocity)


def by_sizes(layer, name, gradient):
    size = 0.9 * getattr(layer, "v" + name) + 0.1 * gradient**2
    setattr(layer, "v" + name, size)
    setattr(layer, name, getattr(layer, name) - 0.1 * gradient / (np.sqrt(size) + 1e-8))


def test_what_keeps_the_last_steps_is_no_parameter():
    report = check_module(Updating(with_momentum), normal(4, 3), update=0.1)
    assert report.passed and [row.name for row in report.rows] == ["x", "W", "b"]
    faster = Updating(partial(with_momentum, factor=1.1))
    wrong = check_module(faster, normal(4, 3), update=0.1, lines=False)
    assert wrong["W"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "layer", [lambda: Updating(by_sizes), lambda: Updating(with_momentum, started=1.0)]
)
def test_no_gradient_is_read_off_a_step_that_does_not_follow_it(layer):
    report = check_module(layer(), normal(4, 3), update=0.1)
    assert report.passed and [row.name for row in report.rows] == ["x"]
    assert any("No gradient of W, b" in finding.message for finding in report.findings)
