"""Softmax and its relatives: probabilities, their logarithms, and the smooth maximum."""

from __future__ import annotations

import numpy as np

from layers.arguments import axis_of
from layers.types import Array, Backward


def softmax(x: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """y_i = e^{x_i} / Σ_k e^{x_k}

    x (…, C, …) -> y (…, C, …)

        ∂y_i/∂x_k = y_i ([i = k] − y_k)
        dx_k = y_k (dy_k − Σ_i dy_i y_i)              dx = y ⊙ (dy − ⟨dy, y⟩)
    """
    axis = axis_of("axis", axis, x)

    # Shifting all x by their maximum changes nothing but keeps every exponential below 1.
    e = np.exp(x - x.real.max(axis=axis, keepdims=True))
    y = e / e.sum(axis=axis, keepdims=True)

    def backward(dy: Array) -> tuple[Array]:
        mean = (dy * y).sum(axis=axis, keepdims=True)
        dx = y * (dy - mean)
        return (dx,)

    return y, backward


def log_softmax(x: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """y_i = x_i − log Σ_k e^{x_k}

    x (…, C, …) -> y (…, C, …)

        ∂y_i/∂x_k = [i = k] − p_k                     p = softmax(x)
        dx_k = dy_k − p_k Σ_i dy_i                    dx = dy − p ⟨dy, 1⟩
    """
    axis = axis_of("axis", axis, x)

    shifted = x - x.real.max(axis=axis, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))

    def backward(dy: Array) -> tuple[Array]:
        total = dy.sum(axis=axis, keepdims=True)
        dx = dy - np.exp(y) * total
        return (dx,)

    return y, backward


def logsumexp(x: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """y = log Σ_k e^{x_k}

    x (…, C, …) -> y (…, …) without the axis

        ∂y/∂x_k = e^{x_k} / Σ_i e^{x_i}
        dx_k = dy e^{x_k − y}                         dx = dy softmax(x)
    """
    axis = axis_of("axis", axis, x)

    largest = x.real.max(axis=axis, keepdims=True)
    total = np.log(np.exp(x - largest).sum(axis=axis, keepdims=True)) + largest
    y = np.asarray(total.squeeze(axis))

    def backward(dy: Array) -> tuple[Array]:
        dx = np.expand_dims(dy, axis) * np.exp(x - total)
        return (dx,)

    return y, backward
