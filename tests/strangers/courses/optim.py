"""A layer that steps by itself in its backward pass."""

import numpy as np


class Dense:
    def __init__(self, n_units, input_shape):
        self.n_units = n_units
        self.input_shape = input_shape
        limit = 1 / np.sqrt(input_shape)
        self.W = np.random.uniform(-limit, limit, (input_shape, n_units))
        self.w0 = np.zeros((1, n_units))
        self.lr = 0.1

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        grad_w = self.layer_input.T.dot(accum_grad)
        grad_w0 = np.sum(accum_grad, axis=0, keepdims=True)
        self.W = self.W - self.lr * grad_w
        self.w0 = self.w0 - self.lr * grad_w0
        accum_grad = accum_grad.dot(W.T)
        return accum_grad
