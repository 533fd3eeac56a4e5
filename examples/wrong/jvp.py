"""A Jacobian-vector product: how the value of a layer changes along a direction."""

import numpy as np

from gradcheck import check_jvp


def softmax(x):
    e = np.exp(x - x.max())
    p = e / e.sum()
    return p


def softmax_jvp(x, v):
    p = softmax(x)
    dp = p * (1 - p) * v  # wrong
    return dp


def report():
    return check_jvp(softmax, softmax_jvp, np.array([0.3, -0.2, 0.5]))


if __name__ == "__main__":
    print(report())
