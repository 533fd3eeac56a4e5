"""A class with its parameters in one dict and their gradients in another."""

import numpy as np


class LayerNorm:
    def __init__(self, features):
        self.params = {"gamma": np.linspace(0.5, 1.5, features), "beta": np.zeros(features)}
        self.grads = {}

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        self.scale = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        self.xhat = centred * self.scale
        return self.params["gamma"] * self.xhat + self.params["beta"]

    def backward(self, dout):
        self.grads["beta"] = dout.sum(axis=0)
        self.grads["gamma"] = (dout * self.xhat).sum(axis=0)
        dxhat = dout * self.params["gamma"]
        along = (dxhat * self.xhat).mean(axis=-1, keepdims=True)
        dx = self.scale * (dxhat - dxhat.mean(axis=-1, keepdims=True) - self.xhat * along)
        return dx


def make_LayerNorm(rng):
    return LayerNorm(4)


def LayerNorm_inputs(rng):
    return {"x": rng.normal(size=(3, 4))}
