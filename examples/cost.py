"""A cost with its gradient in a function beside it, as courses on machine learning write a whole model."""

import numpy as np


def compute_cost(X, y, w, b):
    """Mean squared error of a linear model, halved."""
    m = X.shape[0]
    return np.sum((X @ w + b - y) ** 2) / (2 * m)


def compute_gradient(X, y, w, b):
    """The gradients of w and b; X and y are data and have none."""
    m = X.shape[0]
    error = X @ w + b - y
    dj_dw = X.T @ error / m
    dj_db = np.sum(error) / m
    return dj_dw, dj_db


def compute_cost_inputs(rng):
    return {
        "X": rng.normal(size=(5, 3)),
        "y": rng.normal(size=5),
        "w": rng.normal(size=3),
        "b": 0.3,
    }
