"""Activations: what stands between the linear layers."""

from __future__ import annotations

import numpy as np

from layers.types import Array, Backward


def relu(x: Array) -> tuple[Array, Backward]:
    """y = max(x, 0)

    x (…) -> y (…)

        dx = dy [x > 0]               at 0 the subgradient 0
    """
    y = np.maximum(x, 0)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy * (x.real > 0)
        return (dx,)

    return y, backward


def softmax(x: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """y_i = e^{x_i} / Σ_k e^{x_k}

    x (…, C, …) -> y (…, C, …)

        ∂y_i/∂x_k = y_i ([i = k] − y_k)
        dx_k = y_k (dy_k − Σ_i dy_i y_i)              dx = y ⊙ (dy − ⟨dy, y⟩)
    """
    # Shifting all x by their maximum changes nothing but keeps every exponential below 1.
    e = np.exp(x - x.real.max(axis=axis, keepdims=True))
    y = e / e.sum(axis=axis, keepdims=True)

    def backward(dy: Array) -> tuple[Array]:
        mean = (dy * y).sum(axis=axis, keepdims=True)
        dx = y * (dy - mean)
        return (dx,)

    return y, backward
