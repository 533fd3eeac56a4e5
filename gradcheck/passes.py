"""One forward and one backward pass of a layer on copies, and what both left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.layer import Layer, arrays, listed, run, times
from gradcheck.result import Array

Gradients = list[Array | None]


@dataclass(frozen=True, eq=False)
class Run:
    """One forward and one backward pass on copies of the inputs, and what both left behind.

    `given` and `handed` are the arrays that the layer got for its inputs and its upstream gradient;
    `after_forward` and `after_backward` name the inputs that each pass has changed.
    """

    layer: Layer
    names: Sequence[str]
    inputs: Sequence[Array]
    dy: Array
    value: Array
    gradients: Gradients
    given: Sequence[Array]
    handed: Array
    after_forward: Sequence[str]
    after_backward: Sequence[str]
    shared: Sequence[str]
    backward: Callable[[Array], Any]
    error: Exception | None = None

    def forward_again(self, scale: float = 1.0) -> tuple[Array, Callable[[Array], Any]]:
        """A fresh forward pass on copies of the inputs, those of floating dtype times `scale`."""
        inputs = [times(x, scale) for x in self.inputs]
        # What NumPy has to say of the first run it has said; of ours nobody wants to hear.
        with np.errstate(all="ignore"):
            return run(self.layer, inputs)

    def gradients_of(self, backward: Callable[[Array], Any], dy: Array) -> Gradients:
        """What a way back returns for an upstream gradient, in arrays of its own."""
        with np.errstate(all="ignore"):
            return arrays(listed(backward(dy.copy()), len(self.inputs)), copy=True)

    def answers(self, dy: Array) -> Gradients:
        """What a backward pass returns for an upstream gradient after a fresh forward pass."""
        return self.gradients_of(self.forward_again()[1], dy)
