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


# Layers that are made ready for their input, and hand their gradients to an optimizer.


class Prepared:
    def __init__(self, units, input_shape=None):
        self.units, self.input_shape = units, input_shape
        self.kernel = self.offset = None

    def set_input_shape(self, shape):
        self.input_shape = shape

    def initialize(self, optimizer):
        self.kernel = np.random.uniform(-1, 1, (self.input_shape[0], self.units))
        self.offset = np.zeros((1, self.units))
        self.kernel_opt, self.offset_opt = optimizer, optimizer

    def forward_pass(self, X, training=True):
        self.seen = X
        return X.dot(self.kernel) + self.offset

    def backward_pass(self, accumulated):
        kernel = self.kernel
        slope_kernel = self.seen.T.dot(accumulated)
        self.kernel = self.kernel_opt.update(self.kernel, slope_kernel)
        self.offset = self.offset_opt.update(self.offset, accumulated.sum(axis=0, keepdims=True))
        return accumulated.dot(kernel.T)


class Flattened:
    def build(self, input_shape):
        self.input_shape = input_shape

    def forward(self, batch):
        return batch.reshape(len(batch), -1)

    def backward(self, grad):
        return grad.reshape(len(grad), *self.input_shape)


class Momentum:
    """Steps in place, and remembers."""

    def __init__(self):
        self.velocity = {}

    def step(self, name, weights, gradient):
        kept = self.velocity.get(name, 0)
        self.velocity[name] = 0.9 * kept - 0.01 * gradient
        weights += self.velocity[name]


class Stepping:
    def __init__(self, n_in, n_out):
        self.kernel = np.random.randn(n_in, n_out)
        self.optimizer = Momentum()

    def forward(self, x):
        self.x = x
        return x @ self.kernel

    def backward(self, dout):
        dx = dout @ self.kernel.T
        self.optimizer.step("kernel", self.kernel, self.x.T @ dout)
        return dx


# No arrays at all.


class Listed:
    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(0)
        self.w = [[float(v) for v in row] for row in rng.normal(size=(n_out, n_in))]

    def forward(self, row):
        self.row = row
        return [sum(w * x for w, x in zip(ws, row, strict=True)) for ws in self.w]

    def backward(self, deltas):
        self.dw = [[d * x for x in self.row] for d in deltas]
        pairs = list(zip(deltas, self.w, strict=True))
        return [sum(d * ws[i] for d, ws in pairs) for i in range(len(self.row))]


def squared(y_true, y_pred):
    return sum((p - t) ** 2 for t, p in zip(y_true, y_pred, strict=True)) / len(y_pred)


def squared_prime(y_true, y_pred):
    return [2 * (p - t) / len(y_pred) for t, p in zip(y_true, y_pred, strict=True)]


# A window whose sides are given by a number.


class Smoothed:
    def __init__(self, kernel_size):
        self.kernel_size = kernel_size

    def forward(self, x):
        """x: (N, T, D)"""
        self.length = x.shape[1] - self.kernel_size + 1
        return sum(x[:, k : k + self.length] for k in range(self.kernel_size)) / self.kernel_size

    def backward(self, grad):
        n, _, d = grad.shape
        dx = np.zeros((n, self.length + self.kernel_size - 1, d))
        for k in range(self.kernel_size):
            dx[:, k : k + self.length] += grad / self.kernel_size
        return dx


class PickedEntropy:
    def forward(self, prediction_tensor, label_tensor):
        self.prediction = prediction_tensor
        return -np.log(prediction_tensor[label_tensor == 1]).sum()

    def backward(self, label_tensor):
        return -label_tensor / self.prediction


# The derivative of a softmax in the loss behind it: right together, neither by itself.


class FusedEntropy:
    def forward(self, y_pred, y_true):
        self.error = y_pred - y_true
        return -np.sum(y_true * np.log(y_pred)) / len(y_pred)

    def backward(self):
        return self.error / len(self.error)


class HandingOn:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, grad):
        return 1 * grad


class FusedLogistic:
    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))

    def backward(self):
        return (self.y_pred - self.y_true) / self.y_pred.size
