"""A recurrent layer that keeps its states in a dict by time."""

import numpy as np


class RNN:
    """Vanilla RNN, time first."""

    def __init__(self, input_size, hidden_size):
        self.hidden_size = hidden_size
        self.Wxh = np.random.randn(hidden_size, input_size) * 0.1
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.1
        self.bh = np.zeros(hidden_size)

    def forward(self, xs):
        self.xs = xs
        self.hs = {-1: np.zeros(self.hidden_size)}
        for t in range(len(xs)):
            self.hs[t] = np.tanh(self.Wxh @ xs[t] + self.Whh @ self.hs[t - 1] + self.bh)
        return np.array([self.hs[t] for t in range(len(xs))])

    def backward(self, dhs):
        self.dWxh = np.zeros_like(self.Wxh)
        self.dWhh = np.zeros_like(self.Whh)
        self.dbh = np.zeros_like(self.bh)
        dhnext = np.zeros(self.hidden_size)
        dxs = np.zeros_like(self.xs)
        for t in reversed(range(len(self.xs))):
            dh = dhs[t] + dhnext
            dhraw = (1 - self.hs[t] ** 2) * dh
            self.dbh += dhraw
            self.dWxh += np.outer(dhraw, self.xs[t])
            self.dWhh += np.outer(dhraw, self.hs[t - 1])
            dxs[t] = self.Wxh.T @ dhraw
            dhnext = self.Whh.T @ dhraw
        return dxs
