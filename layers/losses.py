"""Losses: from predictions to the one number that training makes small."""

from __future__ import annotations

import numpy as np

from layers.types import Array, Backward, expect


def softmax_cross_entropy(
    logits: Array, labels: Array, *, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean_n (log Σ_c e^{z_nc} − z_{n, label_n})

    logits z (N, C), labels (N,) integers -> y ()

    `reduction="sum"` adds instead of averaging. The logarithm of the softmax is never taken of a
    probability, so that a probability of 0 gives a finite loss.

        ∂y_n/∂z_nc = p_nc − [c = label_n]             p = softmax(z)
        dz = dy/N (p − onehot)                        dy (p − onehot) for the sum
    """
    N, C = logits.shape
    expect(labels.shape == (N,), f"labels have shape {labels.shape}, expected ({N},)")
    expect(labels.dtype.kind in "iu", f"labels have dtype {labels.dtype}, expected integers")
    expect(N > 0 and labels.min() >= 0 and labels.max() < C, f"labels must lie in 0 … {C - 1}")
    expect(reduction in ("mean", "sum"), f"reduction is {reduction!r}, expected 'mean' or 'sum'")

    shifted = logits - logits.real.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    each = np.log(total[:, 0]) - shifted[np.arange(N), labels]
    weight = 1 / N if reduction == "mean" else 1.0
    y = np.asarray(each.sum() * weight, dtype=logits.dtype)

    def backward(dy: Array) -> tuple[Array, None]:
        p = e / total
        dlogits = p
        dlogits[np.arange(N), labels] -= 1
        dlogits = dlogits * (dy * weight).astype(logits.dtype)
        return dlogits, None

    return y, backward
