"""What the golden files are about: right and wrong gradients, a helper, a class, a line that raises."""

import numpy as np


def logistic(z):
    return 1 / (1 + np.exp(-z))


def swish(x):
    y = x * logistic(x)

    def backward(dy):
        dx = dy * logistic(x) * (1 + x * (1 - logistic(x)))
        return dx

    return y, backward


def swish_inputs(rng):
    return {"x": rng.normal(size=(2, 3))}


def affine_forward(x, w, b):
    out = x @ w + b
    return out, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.mean(axis=0)
    return dx, dw, db


def affine_inputs(rng):
    return {"x": rng.normal(size=(4, 3)), "w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}


def broken(x):
    def backward(dy):
        raise ValueError("not derived yet")

    return 2 * x, backward


def broken_inputs(rng):
    return {"x": rng.normal(size=(2, 3))}


class Scale:
    def __init__(self, features):
        self.gain = np.ones(features)

    def forward(self, x):
        self.x = x
        return x * self.gain

    def backward(self, dout):
        self.dgain = (dout * self.x).sum(axis=0)
        return dout * self.gain


def Scale_inputs(rng):
    return {"x": rng.normal(size=(3, 5))}
