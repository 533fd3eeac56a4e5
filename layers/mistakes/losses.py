"""Mistakes in losses."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import Inputs, integers, joined, normal, positive, rows_of_probabilities
from layers.catalogue.entry import case
from layers.losses import (
    binary_cross_entropy,
    hinge,
    huber,
    kl_divergence,
    l2_penalty,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from layers.mistakes.planted import Mistake


def _labelled(N: int, C: int, name: str = "logits") -> Inputs:
    return joined(normal(**{name: (N, C)}), integers(C, labels=(N,)))


def _paired(*shape: int) -> Inputs:
    return normal(predictions=shape, targets=shape)


def _close(rng: np.random.Generator) -> dict[str, np.ndarray]:
    targets = rng.normal(size=(5, 7))
    return {"predictions": targets + rng.uniform(-0.4, 0.4, size=(5, 7)), "targets": targets}


_LOGITS, _ONE = case("mean", _labelled(5, 7)), case("batch of one", _labelled(1, 7))
_SUM = case("sum", _labelled(5, 7), reduction="sum")
_PAIRS, _SINGLE = case("mean", _paired(5, 7)), case("one number", _paired(1))
_CROSS = "dlogits = dy * weight * (p - t)"
_DISTRIBUTIONS = case(
    "mean", joined(normal(logits=(5, 7)), rows_of_probabilities(positive(targets=(5, 7))))
)
_UNNORMALIZED = case("rows not normalized", joined(normal(logits=(5, 7)), positive(targets=(5, 7))))
_BINARY = case("mean", joined(normal(logits=(5, 7)), positive(targets=(5, 7))))

LOSSES = (
    Mistake(
        "cross-entropy-no-mean",
        softmax_cross_entropy,
        _CROSS,
        "dlogits = dy * (p - t)",
        "scaled",
        "logits",
        "The loss averages, its gradient does not.",
        _LOGITS,
        _ONE,
    ),
    Mistake(
        "cross-entropy-mean-twice",
        softmax_cross_entropy,
        _CROSS,
        "dlogits = dy * weight * (p - t) / N",
        "scaled",
        "logits",
        "Averaged here, and once more in the training loop.",
        _LOGITS,
        _ONE,
    ),
    Mistake(
        "cross-entropy-ignores-upstream",
        softmax_cross_entropy,
        _CROSS,
        "dlogits = weight * (p - t)",
        "ignores-upstream",
        "",
        "Right as long as nothing scales the loss.",
        _LOGITS,
    ),
    Mistake(
        "cross-entropy-sign",
        softmax_cross_entropy,
        _CROSS,
        "dlogits = dy * weight * (t - p)",
        "sign-flipped",
        "logits",
        "Labels minus probabilities.",
        _LOGITS,
    ),
    Mistake(
        "cross-entropy-no-labels",
        softmax_cross_entropy,
        _CROSS,
        "dlogits = dy * weight * p",
        "extra-term",
        "logits",
        "The one-hot labels never subtracted.",
        _SUM,
    ),
    Mistake(
        "cross-entropy-clipped",
        softmax_cross_entropy,
        "logp, _ = log_softmax(logits)",
        "logp = np.log(log_softmax(logits)[0].real * 0 + np.exp(log_softmax(logits)[0]) + 1e-7)",
        "unknown",
        "logits",
        "log(p + 1e-7) on the way there: for confident mistakes p − t is not its gradient.",
        case(
            "confident mistakes",
            lambda rng: {"logits": 20 * rng.normal(size=(5, 7)), "labels": rng.integers(0, 7, 5)},
        ),
    ),
    Mistake(
        "smoothing-forgotten",
        softmax_cross_entropy,
        "        p = np.exp(logp)\n",
        "        p = np.exp(logp)\n        t = np.eye(C)[labels]\n",
        "unknown",
        "logits",
        "Labels smoothed on the way there, one-hot on the way back.",
        case("smoothed", _labelled(5, 7), label_smoothing=0.1),
        _LOGITS,
    ),
    Mistake(
        "binary-extra-derivative",
        binary_cross_entropy,
        "dlogits = dy * weight * (p - targets)",
        "dlogits = dy * weight * (p - targets) * p * (1 - p)",
        "unknown",
        "logits",
        "σ(1 − σ) once more: it has already cancelled.",
        _BINARY,
    ),
    Mistake(
        "squared-error-factor",
        mean_squared_error,
        "dy * weight * 2 * error",
        "dy * weight * error",
        "scaled",
        "predictions",
        "The 2 of the square forgotten.",
        _PAIRS,
    ),
    Mistake(
        "squared-error-sign",
        mean_squared_error,
        "dpredictions = derror",
        "dpredictions = -derror",
        "sign-flipped",
        "predictions",
        "The gradient of the targets: the error written the other way round.",
        _PAIRS,
    ),
    Mistake(
        "squared-error-no-mean",
        mean_squared_error,
        "dy * weight * 2 * error",
        "dy * 2 * error",
        "scaled",
        "predictions",
        "The loss averages, its gradient does not.",
        _PAIRS,
        _SINGLE,
    ),
    Mistake(
        "absolute-error-no-sign",
        mean_absolute_error,
        "derror = dy * weight * sign",
        "derror = dy * weight * error",
        "unknown",
        "predictions",
        "The gradient of half the squared error.",
        _PAIRS,
    ),
    Mistake(
        "huber-ignores-upstream",
        huber,
        "derror = dy * weight *",
        "derror = weight *",
        "ignores-upstream",
        "",
        "The upstream gradient forgotten.",
        _PAIRS,
    ),
    Mistake(
        "huber-delta",
        huber,
        "np.where(inside, error, delta * sign)",
        "np.where(inside, error, sign)",
        "unknown",
        "predictions",
        "δ forgotten outside: right for δ = 1.",
        case("delta=0.5", _paired(5, 7), delta=0.5),
        _PAIRS,
    ),
    Mistake(
        "huber-square-only",
        huber,
        "np.where(inside, error, delta * sign)",
        "error",
        "unknown",
        "predictions",
        "The square everywhere: right as long as no error is large.",
        case("delta=0.5", _paired(5, 7), delta=0.5),
        case("small errors", _close),
    ),
    Mistake(
        "hinge-no-mean",
        hinge,
        "dscores = dy * weight *",
        "dscores = dy *",
        "scaled",
        "scores",
        "The loss averages, its gradient does not.",
        case("mean", _labelled(5, 7, "scores")),
        case("batch of one", _labelled(1, 7, "scores")),
    ),
    Mistake(
        "hinge-label-zero",
        hinge,
        "dscores[here] = -dscores.sum(axis=1)",
        "dscores[here] = 0",
        "unknown",
        "scores",
        "Only the losers are pushed, the right class is not pulled.",
        case("mean", _labelled(5, 7, "scores")),
    ),
    Mistake(
        "kl-targets-sum",
        kl_divergence,
        "dlogits = dlogp - p * total",
        "dlogits = dy * weight * (p - targets)",
        "unknown",
        "logits",
        "p − t, although the targets do not sum to one.",
        _UNNORMALIZED,
        _DISTRIBUTIONS,
    ),
    Mistake(
        "kl-plus-one",
        kl_divergence,
        "logt + 1 - logp",
        "logt - logp",
        "extra-term",
        "targets",
        "The 1 of (t log t)′ = log t + 1 forgotten.",
        _DISTRIBUTIONS,
    ),
    Mistake(
        "l2-factor-two",
        l2_penalty,
        "dW = dy * strength * W",
        "dW = 2 * dy * strength * W",
        "scaled",
        "W",
        "The half is in the loss already.",
        case("strength=0.01", normal(W=(5, 7)), strength=0.01),
    ),
    Mistake(
        "l2-sign",
        l2_penalty,
        "dW = dy * strength * W",
        "dW = -dy * strength * W",
        "sign-flipped",
        "W",
        "Decay written as a subtraction twice.",
        case("strength=0.01", normal(W=(5, 7)), strength=0.01),
    ),
)
