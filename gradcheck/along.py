"""What a check differentiates, as a function of one input alone: for figures of error against step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.layer import Layer, copies, listed, run
from gradcheck.result import Along, Array


def along(layer: Layer, inputs: Sequence[Array], which: int, dy: Array) -> Along:
    """Σ dy·layer(…) as a function of the input at position `which`, with its hand-derived gradient."""

    def at(x: Array) -> list[Array]:
        return copies([x if k == which else np.asarray(value) for k, value in enumerate(inputs)])

    def f(x: Array) -> Array:
        return np.asarray((dy * run(layer, at(x))[0]).sum())

    def df(x: Array) -> Array:
        value, backward = run(layer, at(x))
        found = listed(backward(dy.astype(value.dtype)), len(inputs))[which]
        if found is None:
            raise ValueError(f"the backward pass returns no gradient for input {which}")
        return found

    return Along(f, df, np.asarray(inputs[which]))
