"""Small frameworks as people publish them: losses that take the target first, layers that return nothing."""

import numpy as np

DTYPE = np.dtype("single")


# Losses: the target first, under its name or a letter; the gradient returned, kept, or kept and returned.


class MeanSquared:
    def forward(self, y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2)

    def backward(self, y_true, y_pred):
        return 2 * (y_pred - y_true) / y_pred.size


class Huber:
    def __call__(self, desired_output, output):
        self.gap = output - desired_output
        small = np.abs(self.gap) <= 1
        return np.where(small, self.gap**2 / 2, np.abs(self.gap) - 0.5).sum()

    def gradient(self):
        return np.clip(self.gap, -1, 1)


class BinaryEntropy:
    def __call__(self, y, y_pred):
        self.last_y, self.last_pred = y, y_pred
        return -np.nansum(y * np.log(y_pred) + (1 - y) * np.log(1 - y_pred)) / len(y)

    def gradient(self):
        y, p = self.last_y, self.last_pred
        self.dL_dy = (p - y) / (p * (1 - p)) / len(y)
        return self.dL_dy


class BCE(BinaryEntropy):
    pass


class HalfSquared:
    def forward(self, y_true, y):
        self.delta = y - y_true
        return 0.5 * np.sum(self.delta**2)

    def backward(self, dE=1):
        dy = dE * self.delta
        return dy


class KeptSquared:
    def forward(self, y_true, y_pred):
        return np.sum((y_pred - y_true) ** 2)

    def backward(self, y_true, y_pred):
        self.derivatives = 2 * (y_pred - y_true)


# Activations: the derivative by what forward takes, whatever it is called; the function static.


class Softplus:
    def forward(self, X):
        return np.log(1 + np.exp(X))

    def backward(self, X):
        return 1 / (1 + np.exp(-X))


class Scaled:
    def forward(self, x):
        return 3 * x

    def backward(self, x):
        return 3 * x


class Arctan:
    @staticmethod
    def forward(x):
        return np.arctan(x)

    def derivative(self, x):
        return 1 / (1 + self.forward(x) * 0 + x**2)


# Layers that leave the gradient of their input under a name of their own, and return nothing.


class FullyConnected:
    def __init__(self, num_inputs, num_neurons):
        self.weights = np.random.randn(num_inputs, num_neurons)
        self.biases = np.zeros((1, num_neurons))
        self.derivatives = self.received = None

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, derivatives):
        self.received = derivatives
        self.dw = self.inputs.T @ derivatives
        self.db = derivatives.sum(axis=0, keepdims=True)
        self.derivatives = derivatives @ self.weights.T


class Cube:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs**3

    def backward(self, incoming):
        self.incoming = incoming
        self.outgoing = 3 * incoming * self.inputs**2


class Dropout:
    def __init__(self, drop_rate):
        self.keep = 1 - drop_rate

    def forward(self, inputs):
        self.mask = np.random.binomial(1, self.keep, size=inputs.shape) / self.keep
        self.output = inputs * self.mask

    def backward(self, derivatives):
        self.derivatives = derivatives * self.mask


# Everything in single precision, whatever comes in.


class SingleTanh:
    def forward(self, inputs):
        self.out = np.tanh(inputs, dtype=DTYPE)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out**2)
