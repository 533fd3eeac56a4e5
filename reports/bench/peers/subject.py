"""What every checker is asked about: a layer at its inputs, as a function of those that have a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.layer import listed, random_upstream
from layers.types import Array, Layer


@dataclass(frozen=True)
class Subject:
    """A backward pass in question; `positions` are the inputs that have a gradient, the others are held."""

    name: str
    layer: Layer
    inputs: tuple[Array, ...]
    positions: tuple[int, ...]

    @property
    def point(self) -> list[Array]:
        """The inputs that have a gradient, as arrays of one's own."""
        return [self.inputs[position].copy() for position in self.positions]

    def value(self, *point: Array) -> Array:
        """The forward pass."""
        return np.array(self.layer(*self._all(point))[0])

    def gradients(self, point: Sequence[Array], dy: Array) -> list[Array]:
        """The backward pass: one gradient for each of `point`."""
        _, backward = self.layer(*self._all(point))
        found = listed(backward(np.array(dy)), len(self.inputs))
        return [np.array(found[position]) for position in self.positions]

    def upstream(self, seed: int = 0) -> Array:
        """A random upstream gradient."""
        return random_upstream(self.value(*self.point), seed)

    def _all(self, point: Sequence[Array]) -> list[Array]:
        inputs = list(self.inputs)
        for position, x in zip(self.positions, point, strict=True):
            inputs[position] = np.array(x)
        return inputs


def subject(
    name: str, layer: Layer, inputs: Sequence[Array], right: Layer | None = None
) -> Subject:
    """A layer at its inputs; which of them have a gradient is asked of the right layer, if it differs."""
    y, backward = (right or layer)(*inputs)
    gradients = listed(backward(random_upstream(y, 0)), len(inputs))
    positions = (
        k
        for k, (x, g) in enumerate(zip(inputs, gradients, strict=True))
        if g is not None and x.dtype.kind == "f"
    )
    return Subject(name, layer, tuple(inputs), tuple(positions))
