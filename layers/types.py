"""The three types that every layer speaks of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""float32, float64, or complex128 where the mathematics is analytic; integers for labels and indices."""

Backward = Callable[[Array], tuple[Array | None, ...]]
"""From the upstream gradient dy to one gradient for each input, None where there is none."""

Layer = Callable[..., tuple[Array, Backward]]
"""A function that returns its value and the way back."""


def expect(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def present(gradients: tuple[Array | None, ...]) -> list[Array]:
    """The gradients of those inputs that have one: for layers composed of layers."""
    return [gradient for gradient in gradients if gradient is not None]
