"""A gradient with its Hessian: a function with its derivative once more."""

import numpy as np

from gradcheck import check_derivative


def logistic_gradient(w):
    """Of Σ log(1 + exp(w·a)) over the rows a of A."""
    A = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]])
    p = 1 / (1 + np.exp(-A @ w))
    return A.T @ p


def logistic_hessian(w):
    A = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]])
    p = 1 / (1 + np.exp(-A @ w))
    hessian = A.T @ np.diag(p * (1 - p)) @ A
    return hessian


def report():
    return check_derivative(logistic_gradient, logistic_hessian, np.array([0.3, -0.2, 0.5]))


if __name__ == "__main__":
    print(report())
