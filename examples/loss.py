"""A loss that returns its value and its gradients, by name, in one function."""

import numpy as np


def svm_loss(W, X, y, reg=0.1):
    """Multiclass hinge loss with weight decay; returns the loss and the gradient of W."""
    rows = np.arange(len(y))
    scores = X @ W
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    loss = margins.sum() / len(y) + reg * np.sum(W * W)

    dscores = (margins > 0) / len(y)
    dscores[rows, y] -= dscores.sum(axis=1)
    dW = X.T @ dscores + 2 * reg * W
    return loss, dW


def svm_loss_inputs(rng):
    return {
        "W": rng.normal(size=(4, 3)),
        "X": rng.normal(size=(5, 4)),
        "y": rng.integers(3, size=5),
    }
