"""Layer classes as people write them who build a library from scratch, one style after another."""

import numpy as np


class Dense:
    """Gradients in attributes, the input's returned."""

    def __init__(self, n_in, n_out, seed=0):
        rng = np.random.default_rng(seed)
        self.W = rng.standard_normal((n_in, n_out)) * 0.5
        self.b = rng.standard_normal(n_out)
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Affine:
    """params and grads are lists; gradients are written into their buffers."""

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        out = np.dot(x, W) + b
        self.x = x
        return out

    def backward(self, dout):
        W, b = self.params
        dx = np.dot(dout, W.T)
        dW = np.dot(self.x.T, dout)
        db = np.sum(dout, axis=0)
        self.grads[0][...] = dW
        self.grads[1][...] = db
        return dx


class Linear:
    """params and grads are dicts; called, not forwarded."""

    def __init__(self, input_size, output_size):
        self.params = {}
        self.grads = {}
        rng = np.random.default_rng(1)
        self.params["w"] = rng.standard_normal((input_size, output_size))
        self.params["b"] = rng.standard_normal(output_size)

    def __call__(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["w"] + self.params["b"]

    def backward(self, grad):
        self.grads["b"] = np.sum(grad, axis=0)
        self.grads["w"] = self.inputs.T @ grad
        return grad @ self.params["w"].T


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


class Sigmoid:
    def forward(self, x):
        out = 1 / (1 + np.exp(-x))
        self.out = out
        return out

    def backward(self, dout):
        dx = dout * (1.0 - self.out) * self.out
        return dx


class BatchNorm:
    """Everything is returned: (dx, dgamma, dbeta)."""

    def __init__(self, dim, eps=1e-5):
        rng = np.random.default_rng(2)
        self.gamma = rng.standard_normal(dim)
        self.beta = rng.standard_normal(dim)
        self.eps = eps
        self.running_mean = np.zeros(dim)
        self.momentum = 0.9

    def forward(self, x, train=True):
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mu) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        dgamma = (dout * self.xhat).sum(axis=0)
        dbeta = dout.sum(axis=0)
        dxhat = dout * self.gamma
        dx = (dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0)) / self.std
        return dx, dgamma, dbeta


class Dropout:
    def __init__(self, ratio=0.5):
        self.ratio = ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.ratio
            return x * self.mask
        return x * (1.0 - self.ratio)

    def backward(self, dout):
        return dout * self.mask


class SoftmaxWithLoss:
    """A loss object whose backward pass takes nothing that matters."""

    def __init__(self):
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        self.loss = -np.log(self.y[np.arange(len(t)), t]).mean()
        return self.loss

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = self.y.copy()
        dx[np.arange(batch_size), self.t] -= 1
        dx *= dout
        dx = dx / batch_size
        return dx


class MSE:
    """A loss object whose backward pass takes prediction and target again."""

    def forward(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def backward(self, y_pred, y_true):
        return 2 * (y_pred - y_true) / y_true.size


class HalfSquares:
    """A loss object whose backward pass takes nothing."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return 0.5 * np.sum(self.difference**2)

    def backward(self):
        return self.difference


class FCLayer:
    """A backward pass that updates its weights."""

    def __init__(self, input_size, output_size):
        rng = np.random.default_rng(3)
        self.weights = rng.random((input_size, output_size)) - 0.5
        self.bias = rng.random((1, output_size)) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        bias_error = np.sum(output_error, axis=0, keepdims=True)
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * bias_error
        return input_error


class Parameter:
    def __init__(self, data):
        self.data = data
        self.grad = np.zeros_like(data)


class Projection:
    """Parameters are objects with data and grad; gradients are added up."""

    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(4)
        self.weight = Parameter(rng.standard_normal((n_in, n_out)))
        self.bias = Parameter(rng.standard_normal(n_out))

    def forward(self, x):
        self._x = x
        return x @ self.weight.data + self.bias.data

    def backward(self, grad_output):
        self.weight.grad += self._x.T @ grad_output
        self.bias.grad += grad_output.sum(axis=0)
        return grad_output @ self.weight.data.T


class Lookup:
    """Rows of a table by their numbers; its one weight has one gradient."""

    def __init__(self, rows, features):
        self.weight = np.random.default_rng(5).standard_normal((rows, features))
        self.grad = np.zeros_like(self.weight)

    def forward(self, numbers):
        self.numbers = numbers
        return self.weight[numbers]

    def backward(self, dout):
        self.grad[:] = 0
        np.add.at(self.grad, self.numbers, dout)


class Sequential:
    """A net of layers."""

    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class LinearWithList:
    """(dX, [dW, db]) is returned."""

    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(5)
        self.W = rng.standard_normal((n_in, n_out))
        self.b = rng.standard_normal((1, n_out))
        self.cache = None

    def forward(self, X):
        self.cache = X
        return X.dot(self.W) + self.b

    def backward(self, dZ):
        X = self.cache
        dW = X.T.dot(dZ)
        db = dZ.sum(axis=0, keepdims=True)
        dX = dZ.dot(self.W.T)
        return dX, [dW, db]


class Conv2D:
    """Gradients named grad_W and grad_b; a private helper; parameters with underscores."""

    def __init__(self, filters, channels, size, stride=1):
        rng = np.random.default_rng(6)
        self._W = rng.standard_normal((filters, channels, size, size))
        self._b = rng.standard_normal(filters)
        self.size, self.stride = size, stride

    def _windows(self, x):
        n, c, h, w = x.shape
        rows = (h - self.size) // self.stride + 1
        cols = (w - self.size) // self.stride + 1
        for i in range(rows):
            for j in range(cols):
                r, s = i * self.stride, j * self.stride
                yield i, j, slice(r, r + self.size), slice(s, s + self.size)

    def forward(self, x):
        self.x = x
        rows = (x.shape[2] - self.size) // self.stride + 1
        cols = (x.shape[3] - self.size) // self.stride + 1
        out = np.zeros((x.shape[0], len(self._W), rows, cols))
        for i, j, r, s in self._windows(x):
            out[:, :, i, j] = np.tensordot(x[:, :, r, s], self._W, ((1, 2, 3), (1, 2, 3))) + self._b
        return out

    def backward(self, grad):
        self.grad_W = np.zeros_like(self._W)
        self.grad_b = grad.sum(axis=(0, 2, 3))
        dx = np.zeros_like(self.x)
        for i, j, r, s in self._windows(self.x):
            self.grad_W += np.tensordot(grad[:, :, i, j], self.x[:, :, r, s], (0, 0))
            dx[:, :, r, s] += np.tensordot(grad[:, :, i, j], self._W, (1, 0))
        return dx


class RNNCell:
    """Two inputs, everything returned in a dict."""

    def __init__(self, n_x, n_h):
        rng = np.random.default_rng(7)
        self.params = {
            "Wx": rng.standard_normal((n_x, n_h)),
            "Wh": rng.standard_normal((n_h, n_h)),
            "b": rng.standard_normal(n_h),
        }

    def forward(self, x, h_prev):
        p = self.params
        h = np.tanh(x @ p["Wx"] + h_prev @ p["Wh"] + p["b"])
        self.cache = x, h_prev, h
        return h

    def backward(self, dh):
        x, h_prev, h = self.cache
        dz = dh * (1 - h * h)
        return {
            "dx": dz @ self.params["Wx"].T,
            "dh_prev": dz @ self.params["Wh"].T,
            "dWx": x.T @ dz,
            "dWh": h_prev.T @ dz,
            "db": dz.sum(axis=0),
        }


class Windows:
    """Row by row, with a count of its own on the way back alone: another kernel more gets no gradient."""

    def __init__(self, count, width):
        self.count, self.width = count, width
        self.kernels, self.bias = (
            np.cos(np.arange(width * count)).reshape(width, count),
            np.ones(count),
        )

    def forward(self, x):
        self.x, places = x, range(len(x) - self.width + 1)
        rows = [x[i : i + self.width] @ self.kernels + self.bias for i in places]
        return np.stack(rows)

    def backward(self, dy):
        self.dkernels, self.dbias = np.zeros(self.kernels.shape), np.zeros(self.bias.shape)
        dx = np.zeros(self.x.shape)
        for i in range(len(dy)):
            for k in range(self.count):
                part = self.x[i : i + self.width]
                self.dkernels[:, k] += dy[i, k] * part
                self.dbias[k] += dy[i, k]
                dx[i : i + self.width] += dy[i, k] * self.kernels[:, k]
        return dx


class Cell:
    """A step that reads the state before it and an input put together; `kept` is read nowhere."""

    def __init__(self, inputs, states):
        self.states = states
        self.W = np.sin(np.arange((inputs + states) * states, dtype=float)).reshape(-1, states)

    def forward(self, h, x):
        both = np.concatenate((h, x))
        out = np.tanh(both @ self.W)
        return out, (both, out, h, x)

    def backward(self, dout, cache):
        both, out, kept, x = cache
        da = dout * (1 - out**2)
        dboth = self.W @ da
        dh = dboth[: self.states]
        return dh, np.outer(both, da)


class Chain:
    """The same step over and over, each with what it kept."""

    def __init__(self):
        self.cell, self.kept = Cell(3, 3), []

    def forward(self, xs):
        h, self.kept = np.zeros(3), []
        for x in xs:
            h, cache = self.cell.forward(h, x)
            self.kept.append(cache)
        return h

    def backward(self, dh):
        self.cell.dW = np.zeros(self.cell.W.shape)
        for cache in reversed(self.kept):
            dh, dW = self.cell.backward(dh, cache)
            self.cell.dW += dW
