"""Losses: from predictions to the one number that training makes small.

Each takes `reduction="mean"` or `"sum"`, and honours its upstream gradient as any other layer does.
"""

from __future__ import annotations

import math

import numpy as np

from layers.activations import sigmoid, softplus
from layers.arguments import number, one_of
from layers.softmax import log_softmax
from layers.types import Array, Backward, expect


def softmax_cross_entropy(
    logits: Array, labels: Array, *, reduction: str = "mean", label_smoothing: float = 0.0
) -> tuple[Array, Backward]:
    """y = mean_n −Σ_c t_nc log p_nc,  p = softmax(z),  t = (1 − ε) onehot(labels) + ε/C

    logits z (N, C), labels (N,) integers -> y ()

    ε is `label_smoothing`; without it y = mean_n (log Σ_c e^{z_nc} − z_{n, label_n}). The logarithm
    is never taken of a probability, so that a probability of 0 gives a finite loss.

        ∂y_n/∂z_nc = p_nc Σ_k t_nk − t_nc = p_nc − t_nc       as Σ_k t_nk = 1
        dz = dy/N (p − t)                                     dy (p − t) for the sum
    """
    number("label_smoothing", label_smoothing, least=0, most=1)
    N, C = _labelled(logits, labels)
    weight = _weight(reduction, N)

    t = np.full((N, C), label_smoothing / C, dtype=logits.real.dtype)
    t[np.arange(N), labels] += 1 - label_smoothing
    logp, _ = log_softmax(logits)
    y = np.asarray(-weight * (t * logp).sum())

    def backward(dy: Array) -> tuple[Array, None]:
        p = np.exp(logp)
        dlogits = dy * weight * (p - t)
        return dlogits, None

    return y, backward


def binary_cross_entropy(
    logits: Array, targets: Array, *, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean −t log σ(z) − (1 − t) log(1 − σ(z)) = mean log(1 + e^z) − t z

    logits z (…), targets t (…) between 0 and 1 -> y ()

        ∂y/∂z = σ(z) − t,    ∂y/∂t = −z
        dz = dy/n (σ(z) − t),    dt = −dy/n z         n entries; dy for the sum
    """
    weight = _weight(reduction, _paired(logits, targets))

    each, _ = softplus(logits)
    y = np.asarray(weight * (each - targets * logits).sum())

    def backward(dy: Array) -> tuple[Array, Array]:
        p, _ = sigmoid(logits)
        dlogits = dy * weight * (p - targets)
        dtargets = -dy * weight * logits
        return dlogits, dtargets

    return y, backward


def mean_squared_error(
    predictions: Array, targets: Array, *, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean (p − t)²

    predictions p (…), targets t (…) -> y ()

        dp = 2 dy/n (p − t),    dt = −dp              n entries; dy for the sum
    """
    weight = _weight(reduction, _paired(predictions, targets))

    error = predictions - targets
    y = np.asarray(weight * (error * error).sum())

    def backward(dy: Array) -> tuple[Array, Array]:
        derror = dy * weight * 2 * error
        dpredictions = derror
        dtargets = -derror
        return dpredictions, dtargets

    return y, backward


def mean_absolute_error(
    predictions: Array, targets: Array, *, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean |p − t|

    predictions p (…), targets t (…) -> y ()

        dp = dy/n sign(p − t),    dt = −dp            at p = t the subgradient 0
    """
    weight = _weight(reduction, _paired(predictions, targets))

    error = predictions - targets
    sign = np.sign(error.real)
    y = np.asarray(weight * (sign * error).sum())

    def backward(dy: Array) -> tuple[Array, Array]:
        derror = dy * weight * sign
        dpredictions = derror
        dtargets = -derror
        return dpredictions, dtargets

    return y, backward


def huber(
    predictions: Array, targets: Array, *, delta: float = 1.0, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean r²/2 if |r| ≤ δ else δ (|r| − δ/2),  r = p − t

    predictions p (…), targets t (…) -> y ()

        dp = dy/n clip(r, −δ, δ),    dt = −dp         a square in the middle, a line outside
    """
    number("delta", delta, above=0)
    weight = _weight(reduction, _paired(predictions, targets))

    error = predictions - targets
    sign, inside = np.sign(error.real), np.abs(error.real) <= delta
    each = np.where(inside, error * error / 2, delta * (sign * error - delta / 2))
    y = np.asarray(weight * each.sum())

    def backward(dy: Array) -> tuple[Array, Array]:
        derror = dy * weight * np.where(inside, error, delta * sign)
        dpredictions = derror
        dtargets = -derror
        return dpredictions, dtargets

    return y, backward


def hinge(
    scores: Array, labels: Array, *, margin: float = 1.0, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean_n Σ_{c ≠ label_n} max(0, s_nc − s_{n, label_n} + margin)

    scores s (N, C), labels (N,) integers -> y ()

    The multiclass hinge loss of Weston and Watkins, 1999.

        ds_nc = dy/N [s_nc − s_{n, label_n} + margin > 0]     for c ≠ label_n
        ds_{n, label_n} = −Σ_{c ≠ label_n} ds_nc              each loser pulls at the right one
    """
    number("margin", margin)
    N, _ = _labelled(scores, labels)
    weight = _weight(reduction, N)

    here = (np.arange(N), labels)
    excess = scores - scores[here][:, None] + margin
    losing = excess.real > 0
    losing[here] = False
    y = np.asarray(weight * (excess * losing).sum())

    def backward(dy: Array) -> tuple[Array, None]:
        dscores = dy * weight * losing.astype(dy.dtype)
        dscores[here] = -dscores.sum(axis=1)
        return dscores, None

    return y, backward


def kl_divergence(
    logits: Array, targets: Array, *, reduction: str = "mean"
) -> tuple[Array, Backward]:
    """y = mean_n Σ_c t_nc (log t_nc − log p_nc),  p = softmax(z)

    logits z (N, C), targets t (N, C) not negative -> y ()

    0 log 0 is 0, and there the gradient of t is given as 0: the loss ends at t = 0.

        dz_nc = dy/N (p_nc Σ_k t_nk − t_nc)           dy for the sum
        dt_nc = dy/N (log t_nc + 1 − log p_nc)
    """
    expect(logits.ndim == 2, f"logits have shape {logits.shape}, expected (N, C)")
    _paired(logits, targets)
    weight = _weight(reduction, len(logits))

    positive = targets.real > 0
    logt = np.log(np.where(positive, targets, 1))
    logp, _ = log_softmax(logits)
    y = np.asarray(weight * (targets * (logt - logp)).sum())

    def backward(dy: Array) -> tuple[Array, Array]:
        dlogp = -dy * weight * targets
        dtargets = dy * weight * np.where(positive, logt + 1 - logp, 0)
        p, total = np.exp(logp), dlogp.sum(axis=1, keepdims=True)
        dlogits = dlogp - p * total
        return dlogits, dtargets

    return y, backward


def l2_penalty(W: Array, *, strength: float = 1.0) -> tuple[Array, Backward]:
    """y = strength/2 Σ W²

    W (…) -> y ()

    With the half, the gradient is the weights themselves, which is why it is called weight decay.

        dW = dy strength W
    """
    number("strength", strength)

    y = np.asarray(strength / 2 * (W * W).sum())

    def backward(dy: Array) -> tuple[Array]:
        dW = dy * strength * W
        return (dW,)

    return y, backward


def _weight(reduction: str, count: int) -> float:
    """What each of `count` terms counts: 1/count in a mean, 1 in a sum."""
    one_of("reduction", reduction, "mean", "sum")
    return 1 / count if reduction == "mean" else 1.0


def _labelled(scores: Array, labels: Array) -> tuple[int, int]:
    expect(scores.ndim == 2, f"expected scores (N, C), got shape {scores.shape}")
    N, C = scores.shape
    expect(labels.shape == (N,), f"labels have shape {labels.shape}, expected ({N},)")
    expect(labels.dtype.kind in "iu", f"labels have dtype {labels.dtype}, expected integers")
    expect(N > 0 and labels.min() >= 0 and labels.max() < C, f"labels must lie in 0 … {C - 1}")
    return N, C


def _paired(predictions: Array, targets: Array) -> int:
    expect(
        predictions.shape == targets.shape,
        f"targets have shape {targets.shape}, expected {predictions.shape}",
    )
    expect(predictions.size > 0, "there is nothing to average")
    return math.prod(predictions.shape)
