"""A net of layers in a list, each with its lists of parameters and of gradients."""

import numpy as np


class Dense:
    def __init__(self, inputs, outputs):
        W = np.random.default_rng(inputs).normal(size=(inputs, outputs))
        self.params = [W, np.zeros(outputs)]
        self.grads = [None, None]

    def forward(self, x):
        self.x = x
        W, b = self.params
        return x @ W + b

    def backward(self, dout):
        W, _ = self.params
        self.grads[0] = self.x.T @ dout
        self.grads[1] = dout.sum(axis=0)
        return dout @ W.T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        dx = dout * (1 - self.y**2)
        return dx


class Net:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


def make_Net(rng):
    return Net([Dense(3, 4), Tanh(), Dense(4, 2)])


def Net_inputs(rng):
    return {"x": rng.normal(size=(5, 3))}
