"""What strangers leave unsaid: the order of gradients, the axes of a scale, whose value is handed over."""

import numpy as np

# A scale with an axis for each of the image's, which broadcasts as one of C numbers does.


def channel_norm_forward(x, gamma, beta, eps=1e-5):
    n, c, h, w = x.shape
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True) + eps)
    hat = centred / std
    return gamma * hat + beta, (hat, std, gamma)


def channel_norm_backward(dout, cache):
    hat, std, gamma = cache
    dgamma = np.sum(dout * hat, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    d = dout * gamma
    along = (2, 3)
    dx = d - d.mean(axis=along, keepdims=True) - hat * (d * hat).mean(axis=along, keepdims=True)
    return dx / std, dgamma, dbeta


# A layer of sequences that a batch of rows goes through too, with an axis more behind it.


class FeatureScale:
    def __init__(self, dim):
        self.scale = np.linspace(0.5, 1.5, dim).reshape(1, 1, dim)

    def forward(self, x):
        self.x = x
        return self.scale * np.tanh(x)

    def backward(self, grad):
        self.dscale = np.sum(grad * np.tanh(self.x), axis=(0, 1), keepdims=True)
        return grad * self.scale * (1 - np.tanh(self.x) ** 2)


# The parameters' gradients first, and the input's shape in the place of a cache.


def mix_forward(X, W, b):
    n, d, t = X.shape
    return np.einsum("ndt,dk->nkt", X, W) + b[None, :, None]


def mix_backward(dZ, X, W):
    n, d, t = X.shape
    dW = np.einsum("ndt,nkt->dk", X, dZ)
    db = dZ.sum(axis=(0, 2))
    dX = np.einsum("nkt,dk->ndt", dZ, W)
    return dW, db, dX


def halved_forward(A):
    n, c, h, w = A.shape
    return A[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


def halved_backward(dOut, A_shape):
    n, c, h, w = A_shape
    dA = np.zeros(A_shape)
    dA[:, :, : h // 2 * 2, : w // 2 * 2] = np.repeat(np.repeat(dOut, 2, axis=2), 2, axis=3) / 4
    return dA


# Activations: of the value, by another name than the function's, of the input, by another too.


def squash(signal):
    return np.tanh(signal)


def squash_backward(squash_output, output_gradients):
    return output_gradients * (1.0 - squash_output**2)


def gate(feature_maps):
    return np.where(feature_maps > 0, feature_maps, 0.1 * feature_maps)


def gate_backward(inputs, output_gradients):
    return np.where(inputs > 0, output_gradients, 0.1 * output_gradients)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def logistic_deriv(s):
    return s * (1.0 - s)


# What is handed over is a part of what is returned beside the value.


def scaled_forward(x, gamma):
    spread = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
    hat = x / spread
    return hat * gamma, (hat, spread)


def scaled_backward(dy, hat, gamma, spread):
    dhat = dy * gamma
    dx = (dhat - hat * (dhat * hat).mean(axis=-1, keepdims=True)) / spread
    return dx, (dy * hat).sum(axis=0)


# Layers that are told their name, the images' sides, and what their weights are drawn from.


class Windows:
    def __init__(self, name, x_ch, x_h, x_w, n_flt, flt_h, flt_w, rng):
        self.name, self.sides = name, (x_h - flt_h + 1, x_w - flt_w + 1)
        self.flt = flt_h, flt_w
        self.w = rng.standard_normal((n_flt, x_ch, flt_h, flt_w))

    def forward(self, x):
        self.x = x
        (high, wide), (a, b) = self.sides, self.flt
        y = np.zeros((len(x), len(self.w), high, wide))
        for i in range(high):
            for j in range(wide):
                y[:, :, i, j] = np.tensordot(
                    x[:, :, i : i + a, j : j + b], self.w, ([1, 2, 3], [1, 2, 3])
                )
        return y

    def backward(self, dy):
        (high, wide), (a, b) = self.sides, self.flt
        self.dw, dx = np.zeros_like(self.w), np.zeros_like(self.x)
        for i in range(high):
            for j in range(wide):
                self.dw += np.tensordot(
                    dy[:, :, i, j], self.x[:, :, i : i + a, j : j + b], ([0], [0])
                )
                dx[:, :, i : i + a, j : j + b] += np.tensordot(dy[:, :, i, j], self.w, ([1], [0]))
        return dx


# Made by its first pass, which keeps the input under a name that a gradient's is made of.


class Lazy:
    def __init__(self):
        self.gain = None

    def forward(self, x):
        self.input = x
        if self.gain is None:
            self.gain = np.full((1, x.shape[1]), 1.5)
        return self.gain * x**2

    def backward(self, grad_output):
        self.grad_gain = np.sum(grad_output * self.input**2, axis=0, keepdims=True)
        grad_input = grad_output * self.gain * 2 * self.input
        return grad_input


# One example at a time, which a product of matrices does not tell.


def single_forward(inputs, weights, biases):
    return np.matmul(inputs, weights) + biases


def single_backward(inputs, weights, output_gradients):
    dweights = np.outer(inputs, output_gradients)
    return np.matmul(output_gradients, weights.T), dweights, output_gradients.copy()
