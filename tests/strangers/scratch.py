"""Learning from scratch as the popular collections write it: derivatives as methods, models with their own loss."""

import numpy as np


class Sigmoid:
    def __call__(self, x):
        return 1 / (1 + np.exp(-x))

    def gradient(self, x):
        return self.__call__(x) * (1 - self.__call__(x))


class Softmax:
    def __call__(self, x):
        e = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    def gradient(self, x):
        p = self.__call__(x)
        return p * (1 - p)


class SquareLoss:
    def loss(self, y, y_pred):
        return 0.5 * np.power(y - y_pred, 2)

    def gradient(self, y, y_pred):
        return -(y - y_pred)


class ELU:
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def fn(self, z):
        return np.where(z > 0, z, self.alpha * (np.exp(z) - 1))

    def grad(self, x):
        return np.where(x > 0, np.ones_like(x), self.alpha * np.exp(x))


class MSE:
    def loss(self, predicted, actual):
        return np.sum((predicted - actual) ** 2) / len(predicted)

    def grad(self, predicted, actual):
        return 2 * (predicted - actual) / len(predicted)


class LogisticRegression:
    def __init__(self, features):
        self.w = np.random.randn(features)

    def loss(self, X, y):
        p = 1 / (1 + np.exp(-X @ self.w))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def gradient(self, X, y):
        p = 1 / (1 + np.exp(-X @ self.w))
        return X.T @ (p - y) / len(y)


class LinearRegression:
    def __init__(self, features):
        self.w = np.random.randn(features)

    def loss(self, X, y):
        error = X @ self.w - y
        return np.mean(error**2), 2 * X.T @ error / len(y)


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=1.0):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        W1, W2 = self.params["W1"], self.params["W2"]
        h = np.maximum(0, X.dot(W1) + self.params["b1"])
        scores = h.dot(W2) + self.params["b2"]
        if y is None:
            return scores
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(X)), y]).mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        ds = p.copy()
        ds[np.arange(len(X)), y] -= 1
        ds /= len(X)
        grads = {"W2": h.T.dot(ds) + 2 * reg * W2, "b2": ds.sum(axis=0)}
        dh = ds.dot(W2.T)
        dh[h <= 0] = 0
        grads["W1"] = X.T.dot(dh) + 2 * reg * W1
        grads["b1"] = dh.sum(axis=0)
        return loss, grads


class BatchNormalization:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.dgamma = self.dbeta = None

    def forward(self, x):
        self.xc = x - x.mean(axis=0)
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-6)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum(dxn * self.xc / self.std**2, axis=0)
        dxc += self.xc * dstd / self.std / len(dout)
        return dxc - dxc.mean(axis=0)


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        rows = input_size + hidden_size
        self.Wf, self.Wi, self.Wc, self.Wo = np.random.randn(4, hidden_size, rows) * 0.3

    def forward(self, x, h_prev, c_prev):
        self.z = np.vstack((h_prev, x))
        self.f, self.i, self.o = map(
            self.sigmoid, (self.Wf @ self.z, self.Wi @ self.z, self.Wo @ self.z)
        )
        self.g = np.tanh(self.Wc @ self.z)
        self.c_prev = c_prev
        self.c = self.f * c_prev + self.i * self.g
        return self.o * np.tanh(self.c), self.c

    def backward(self, dh, dc):
        do = dh * np.tanh(self.c) * self.o * (1 - self.o)
        dc = dc + dh * self.o * (1 - np.tanh(self.c) ** 2)
        dg = dc * self.i * (1 - self.g**2)
        di = dc * self.g * self.i * (1 - self.i)
        df = dc * self.c_prev * self.f * (1 - self.f)
        self.dWf, self.dWi, self.dWc, self.dWo = (
            df @ self.z.T,
            di @ self.z.T,
            dg @ self.z.T,
            do @ self.z.T,
        )
        dz = self.Wf.T @ df + self.Wi.T @ di + self.Wc.T @ dg + self.Wo.T @ do
        return dz[len(dh) :], dz[: len(dh)], dc * self.f

    @staticmethod
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))


class Loss:
    def calculate(self, output, y):
        return np.mean(self.forward(output, y))


class CategoricalCrossentropy(Loss):
    def forward(self, y_pred, y_true):
        clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        if y_true.ndim == 1:
            return -np.log(clipped[range(len(y_pred)), y_true])
        return -np.log(np.sum(clipped * y_true, axis=1))

    def backward(self, dvalues, y_true):
        if y_true.ndim == 1:
            y_true = np.eye(len(dvalues[0]))[y_true]
        self.dinputs = -y_true / dvalues / len(dvalues)


class Dropout:
    def __init__(self, rate):
        self.rate = 1 - rate

    def forward(self, inputs, training):
        if not training:
            self.output = inputs.copy()
            return
        self.mask = np.random.binomial(1, self.rate, size=inputs.shape) / self.rate
        self.output = inputs * self.mask

    def backward(self, dvalues):
        self.dinputs = dvalues * self.mask


class FCLayer:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        return np.dot(self.input, self.weights) + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error
        return input_error


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


class MatrixMSE:
    def forward(self, A, Y):
        self.A, self.Y, (self.N, self.C) = A, Y, A.shape
        squares = (A - Y) * (A - Y)
        return np.ones((1, self.N)) @ squares @ np.ones((self.C, 1)) / (self.N * self.C)

    def backward(self):
        return 2 * (self.A - self.Y) / (self.N * self.C)
