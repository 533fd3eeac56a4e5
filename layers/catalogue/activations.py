"""Configurations of the activations and of softmax."""

from __future__ import annotations

import numpy as np

from layers.activations import (
    elu,
    gelu,
    gelu_tanh,
    leaky_relu,
    maxout,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    swiglu,
    tanh,
)
from layers.catalogue.draw import Inputs, normal, scaled, shifted
from layers.catalogue.entry import case, entry
from layers.softmax import log_softmax, logsumexp, softmax
from layers.types import Array

_PLAIN = case("image", normal(x=(2, 3, 5, 7)))
_LARGE = case("large inputs", scaled(30, normal(x=(5, 7))))


def _with_zeros(rng: np.random.Generator) -> dict[str, Array]:
    return {"x": rng.normal(size=(5, 7)) * rng.integers(0, 2, (5, 7))}


def _logits(*shape: int) -> Inputs:
    return normal(x=shape)


ACTIVATIONS = (
    entry(relu, _PLAIN, case("zeros", _with_zeros)),
    entry(
        leaky_relu,
        case("slope=0.1", normal(x=(5, 7)), slope=0.1),
        case("zeros", _with_zeros),
    ),
    entry(elu, _PLAIN, case("alpha=0.3, zeros", _with_zeros, alpha=0.3), _LARGE),
    entry(selu, _PLAIN, _LARGE),
    entry(sigmoid, _PLAIN, _LARGE),
    entry(tanh, _PLAIN, case("large inputs", scaled(8, normal(x=(5, 7))))),
    entry(softplus, _PLAIN, _LARGE),
    entry(silu, _PLAIN, _LARGE),
    entry(gelu, _PLAIN, case("large inputs", scaled(5, normal(x=(5, 7))))),
    entry(gelu_tanh, _PLAIN, case("large inputs", scaled(5, normal(x=(5, 7))))),
    entry(
        maxout,
        case("two pieces", normal(x=(3, 5), W=(2, 5, 7), b=(2, 7))),
        case("five pieces", normal(x=(2, 3), W=(5, 3, 2), b=(5, 2))),
    ),
    entry(
        swiglu,
        case("plain", normal(x=(3, 5), W=(5, 7), V=(5, 7))),
        case("batch of one", normal(x=(1, 7), W=(7, 3), V=(7, 3))),
    ),
    entry(
        softmax,
        case("rows", _logits(3, 7)),
        case("axis=1", _logits(2, 5, 3), axis=1),
        case("large logits", shifted(800, _logits(5, 7))),
    ),
    entry(
        log_softmax,
        case("rows", _logits(3, 7)),
        case("axis=0", _logits(5, 2, 3), axis=0),
        case("large logits", scaled(10, _logits(5, 7))),
    ),
    entry(
        logsumexp,
        case("rows", _logits(3, 7)),
        case("axis=1", _logits(2, 5, 3), axis=1),
        case("large", shifted(-900, _logits(5, 7))),
    ),
)
