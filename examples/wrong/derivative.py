"""Functions with their derivatives beside them: of a scalar, entry by entry, and a Jacobian."""

import numpy as np


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - (1 - x[:-1])  # wrong
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def rosenbrock_inputs(rng):
    return {"x": rng.normal(size=6)}


def softplus(x):
    return np.logaddexp(0, x)


def softplus_gradient(x):
    return 1 / (1 + np.exp(-x))


def softplus_inputs(rng):
    return {"x": rng.normal(size=(2, 3))}


def polar(x):
    r, phi = x
    return np.array([r * np.cos(phi), r * np.sin(phi)])


def polar_gradient(x):
    """The Jacobian: y.shape + x.shape, here (2, 2)."""
    r, phi = x
    return np.array([[np.cos(phi), -r * np.sin(phi)], [np.sin(phi), r * np.cos(phi)]])


def polar_inputs(rng):
    return {"x": rng.uniform(1, 2, size=2)}
