"""A layer: a function that returns its value and the way back, and what it is checked with."""

import numpy as np


def dense(x, W, b):
    """y = x W + b"""
    y = x @ W + b

    def backward(dy):
        return dy @ W.T, x.T @ dy, dy.mean(axis=0)  # wrong

    return y, backward


def dense_inputs(rng):
    return {"x": rng.normal(size=(3, 5)), "W": rng.normal(size=(5, 7)), "b": rng.normal(size=7)}


def softmax_cross_entropy(logits, labels):
    """Mean over the batch of −log softmax(logits)[label]; labels are integers, they have no gradient."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    y = -np.log(p[rows, labels]).mean()

    def backward(dy):
        dlogits = p.copy()
        dlogits[rows, labels] -= 1
        return dy * dlogits / len(labels), None

    return y, backward


def softmax_cross_entropy_inputs(rng):
    return {"logits": rng.normal(size=(4, 5)), "labels": rng.integers(5, size=4)}
