"""Costs and their gradients as courses on machine learning write them: whole models in one or two functions."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# A cost and its gradient side by side, in loops.


def compute_cost(X, y, w, b):
    m = X.shape[0]
    cost = 0.0
    for i in range(m):
        f_wb_i = np.dot(X[i], w) + b
        cost = cost + (f_wb_i - y[i]) ** 2
    cost = cost / (2 * m)
    return cost


def compute_gradient(X, y, w, b):
    m, n = X.shape
    dj_dw = np.zeros((n,))
    dj_db = 0.0
    for i in range(m):
        err = (np.dot(X[i], w) + b) - y[i]
        for j in range(n):
            dj_dw[j] = dj_dw[j] + err * X[i, j]
        dj_db = dj_db + err
    dj_dw = dj_dw / m
    dj_db = dj_db / m
    return dj_db, dj_dw


def compute_cost_logistic(X, y, w, b):
    z = X @ w + b
    return -np.mean(y * np.log(sigmoid(z)) + (1 - y) * np.log(1 - sigmoid(z)))


def compute_gradient_logistic(X, y, w, b):
    m, n = X.shape
    error = sigmoid(X @ w + b) - y
    dj_db = np.sum(error) / m
    dj_dw = X.T @ error / m
    return dj_db, dj_dw


# The parameters first, as an optimizer asks for them.


def cost_function(theta, X, y):
    m = len(y)
    h = sigmoid(X @ theta)
    return -(y @ np.log(h) + (1 - y) @ np.log(1 - h)) / m


def gradient(theta, X, y):
    m = len(y)
    return X.T @ (sigmoid(X @ theta) - y) / m


# The gradients first, in a dict; examples in columns.


def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    cost = np.squeeze(np.array(cost))
    grads = {"dw": dw, "db": db}
    return grads, cost


# An error beside the gradient, and a penalty.


def calculate_loss(y, tx, w):
    e = y - tx.dot(w)
    return 1 / 2 * np.mean(e**2)


def calculate_gradient(y, tx, w):
    err = y - tx.dot(w)
    grad = -tx.T.dot(err) / len(err)
    return grad, err


def penalized(y, tx, w, lambda_):
    loss = calculate_loss(y, tx, w) + lambda_ * np.squeeze(w.T.dot(w))
    gradient = calculate_gradient(y, tx, w)[0] + 2 * lambda_ * w
    return loss, gradient


# One function that is its own derivative where a flag is set.


def softplus(x, deriv=False):
    if deriv:
        return 1 / (1 + np.exp(-x))
    return np.log(1 + np.exp(x))


# What has forward and backward in its name is no half of a pair.


def forward_backward_prop(data, labels, W):
    scores = data @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    cost = -np.sum(labels * np.log(p))
    grad = data.T @ (p * labels.sum(axis=1, keepdims=True) - labels)
    return cost, grad


# Layers that are there to be derived from, and one that makes its weights when it is first called.


class Layer:
    def __init__(self):
        self.params, self.grads, self.ctx, self.is_init = {}, {}, {}, False

    def forward(self, inputs):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class Activation(Layer):
    def forward(self, inputs):
        self.ctx = {"X": inputs}
        return self.func(inputs)

    def backward(self, grad):
        return self.derivative_func(self.ctx["X"]) * grad

    def func(self, x):
        raise NotImplementedError

    def derivative_func(self, x):
        raise NotImplementedError


class Tanh(Activation):
    def func(self, x):
        return np.tanh(x)

    def derivative_func(self, x):
        return 1.0 - np.tanh(x) ** 2


class Dense(Layer):
    def __init__(self, num_out):
        super().__init__()
        self.num_out = num_out

    def forward(self, inputs):
        if not self.is_init:
            self.params["w"] = np.random.normal(size=(inputs.shape[1], self.num_out))
            self.params["b"] = np.zeros(self.num_out)
            self.is_init = True
        self.ctx = {"X": inputs}
        return inputs @ self.params["w"] + self.params["b"]

    def backward(self, grad):
        self.grads["w"] = self.ctx["X"].T @ grad
        self.grads["b"] = np.sum(grad, axis=0)
        return grad @ self.params["w"].T


class Shift(Layer):
    def __init__(self, B):
        assert B.shape[0] == 1
        super().__init__()
        self.params["B"] = B

    def forward(self, inputs):
        return inputs + self.params["B"]

    def backward(self, grad):
        self.grads["B"] = np.sum(grad, axis=0).reshape(1, grad.shape[1])
        return grad * 1


# Several gradients beside a function; parameters that are asked for one by one; a factor of 0 and 1.


def kl_loss(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))


def kl_loss_grad(mu, logvar):
    dmu = mu
    dlogvar = 0.5 * (np.exp(logvar) - 1)
    return dmu, dlogvar


def residuals(p, t, y):
    return p[0] * np.exp(-p[1] * t) + p[2] - y


def residuals_jac(p, t, y):
    J = np.empty((t.size, p.size))
    J[:, 0] = np.exp(-p[1] * t)
    J[:, 1] = -t * p[0] * np.exp(-p[1] * t)
    J[:, 2] = 1
    return J


def chain_nll(unary, trans, tags):
    T = len(unary)
    alpha, beta = np.zeros(unary.shape), np.zeros(unary.shape)
    alpha[0] = unary[0]
    for t in range(1, T):
        alpha[t] = unary[t] + np.log(np.exp(alpha[t - 1][:, None] + trans).sum(axis=0))
    for t in range(T - 2, -1, -1):
        beta[t] = np.log(np.exp(trans + unary[t + 1] + beta[t + 1]).sum(axis=1))
    logZ = np.log(np.exp(alpha[-1]).sum())
    dunary = np.exp(alpha + beta - logZ)
    dunary[np.arange(T), tags] -= 1
    dtrans = np.zeros_like(trans)
    for t in range(1, T):
        dtrans += np.exp(alpha[t - 1][:, None] + trans + unary[t] + beta[t] - logZ)
        dtrans[tags[t - 1], tags[t]] -= 1
    score = unary[np.arange(T), tags].sum() + trans[tags[:-1], tags[1:]].sum()
    return logZ - score, dunary, dtrans


class Factorization:
    def __init__(self, users, items, k):
        self.P, self.Q = np.random.randn(users, k), np.random.randn(items, k)

    def loss(self, R, mask):
        return 0.5 * (((R - self.P @ self.Q.T) * mask) ** 2).sum()

    def gradient(self, R, mask):
        E = (R - self.P @ self.Q.T) * mask
        dP = -E @ self.Q
        dQ = -E.T @ self.P
        return dP, dQ


class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        h_next = np.tanh(np.dot(h_prev, Wh) + np.dot(x, Wx) + b)
        self.cache = (x, h_prev, h_next)
        return h_next

    def backward(self, dh_next):
        Wx, Wh, b = self.params
        x, h_prev, h_next = self.cache
        dt = dh_next * (1 - h_next**2)
        self.grads[0][...] = np.dot(x.T, dt)
        self.grads[1][...] = np.dot(h_prev.T, dt)
        self.grads[2][...] = np.sum(dt, axis=0)
        return np.dot(dt, Wx.T), np.dot(dt, Wh.T)


# What is made of a function and its derivative; what is meant for columns.


class Elementwise(Layer):
    def __init__(self, activation, activation_prime):
        self.activation, self.activation_prime = activation, activation_prime

    def forward(self, input):
        self.input = input
        return self.activation(self.input)

    def backward(self, output_gradient, learning_rate):
        return np.multiply(output_gradient, self.activation_prime(self.input))


class Softmax(Layer):
    def __init__(self):
        pass

    def forward(self, input):
        tmp = np.exp(input)
        self.output = tmp / np.sum(tmp)
        return self.output

    def backward(self, output_gradient, learning_rate):
        n = np.size(self.output)
        return np.dot((np.identity(n) - self.output.T) * self.output, output_gradient)


# A derivative that is called a backward pass, and takes the input alone.


def swish(x):
    return x / (1 + np.exp(-x))


def swish_backward(x):
    s = 1 / (1 + np.exp(-x))
    return s + x * s * (1 - s)


# Models that are objects.


class LeastSquares:
    def __init__(self, n_features, lr=0.01):
        self.w, self.b, self.lr = np.random.randn(n_features), 0.0, lr

    def predict(self, X):
        return X @ self.w + self.b

    def loss(self, X, y):
        return np.mean((self.predict(X) - y) ** 2)

    def gradients(self, X, y):
        n = len(y)
        err = self.predict(X) - y
        dw = 2 / n * X.T @ err
        db = 2 / n * err.sum()
        return dw, db


class SoftmaxRegression:
    def __init__(self, d, k, reg=0.1):
        self.W = np.random.randn(d, k) * 0.01
        self.reg = reg

    def loss_and_grad(self, X, y):
        p = np.exp(X @ self.W)
        p /= p.sum(1, keepdims=True)
        n = X.shape[0]
        loss = -np.log(p[np.arange(n), y]).mean() + self.reg * np.sum(self.W**2)
        p[np.arange(n), y] -= 1
        grad = X.T @ p / n + 2 * self.reg * self.W
        return loss, grad


# A net from the lengths of its layers; features that go into heads.


class MLP:
    def __init__(self, sizes):
        self.weights = [np.random.randn(a, b) * 0.5 for a, b in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros(b) for b in sizes[1:]]

    def forward(self, x):
        self.acts = [x]
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            z = self.acts[-1] @ w + b
            self.acts.append(np.tanh(z) if i < len(self.weights) - 1 else z)
        return self.acts[-1]

    def backward(self, grad):
        self.grad_w, self.grad_b = [None] * len(self.weights), [None] * len(self.biases)
        for i in reversed(range(len(self.weights))):
            if i < len(self.weights) - 1:
                grad = grad * (1 - self.acts[i + 1] ** 2)
            self.grad_w[i] = self.acts[i].T @ grad
            self.grad_b[i] = grad.sum(0)
            grad = grad @ self.weights[i].T
        return grad


class Heads:
    def __init__(self, d_model, num_heads):
        assert d_model % num_heads == 0
        self.h, self.dk = num_heads, d_model // num_heads
        self.W_v = np.random.randn(d_model, d_model)

    def forward(self, x):
        self.x, (b, t, d) = x, x.shape
        self.v = (x @ self.W_v).reshape(b, t, self.h, self.dk).transpose(0, 2, 1, 3)
        return np.cumsum(self.v, axis=2)

    def backward(self, dy):
        dv = np.cumsum(dy[:, :, ::-1], axis=2)[:, :, ::-1]
        dv = dv.transpose(0, 2, 1, 3).reshape(self.x.shape)
        self.dW_v = np.einsum("btd,bte->de", self.x, dv)
        return dv @ self.W_v.T
