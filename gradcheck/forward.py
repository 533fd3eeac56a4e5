"""The forward pass as the checker sees it: evaluated on private copies, counted, its rounding noise measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck.result import Array

Group = tuple[slice, ...]


class Forward:
    """A forward pass at one point: its inputs, its value there, and how noisy that value is.

    Args:
        f: `f(*inputs)` returns an array, or a pair (array, backward) whose second part is ignored.
        inputs: arrays of any shape; those of floating dtype may be perturbed.
        careful: hand out a fresh copy of every input at every call, for an `f` that writes to them.

    Raises:
        ValueError: if the value is not a real array of floating dtype, or not finite.
    """

    def __init__(
        self, f: Callable[..., Any], inputs: Sequence[Array], *, careful: bool = False
    ) -> None:
        self.f = f
        self.inputs = [np.array(value) for value in inputs]
        self.careful = careful
        self.evaluations = 0
        self.value = self(*self.inputs)
        if not np.isfinite(self.value).all():
            raise ValueError("the forward pass returns NaN or Inf here: nothing to differentiate")

    def __call__(self, *inputs: Array) -> Array:
        """f's value in float64, safe from what later happens to the inputs."""
        self.evaluations += 1
        value = self.raw(*([np.array(x) for x in inputs] if self.careful else inputs))
        if not np.issubdtype(value.dtype, np.floating):
            raise ValueError(f"the forward pass returns dtype {value.dtype}, not a real float array")
        self.dtype = value.dtype
        # A reshape returns a view of the input, which is about to be put back as it was.
        return np.array(value, dtype=np.float64)

    def raw(self, *inputs: Array) -> Array:
        """f's value as it is."""
        value = self.f(*inputs)
        if isinstance(value, tuple) and len(value) == 2 and callable(value[1]):
            value = value[0]
        return np.asarray(value)

    def moved(self, position: int, group: Group, entries: Array) -> Array:
        """The value with `entries` in place of `inputs[position][group]`, everything else kept."""
        x = self.inputs[position]
        kept = x[group].copy()
        x[group] = entries
        try:
            return self(*self.inputs)
        finally:
            x[group] = kept

    def epsilon(self, position: int) -> float:
        """The working precision: of the output, or of the input where that is coarser."""
        dtypes = (self.dtype, self.inputs[position].dtype)
        return float(max(np.finfo(dtype).eps for dtype in dtypes))

    def noise(self, rng: np.random.Generator) -> Array:
        """The rounding noise of each output: its spread when all inputs move by an ulp or two.

        What a cancelling sum loses inside shows up here, and ε·|f| does not show it; ε·|f| is the
        floor. Two evaluations. (The difference tables of Moré and Wild, Estimating Computational
        Noise, 2011, are the thorough way; each step adds one difference of theirs, `numeric.py`.)
        """
        spread = float(np.finfo(self.dtype).eps) * np.abs(self.value)
        for ulps in (1, 2):
            shaken = [self._shaken(x, ulps, rng) for x in self.inputs]
            moved = np.abs(self(*shaken) - self.value)
            spread = np.maximum(spread, np.where(np.isfinite(moved), moved, 0))
        return np.asarray(spread)

    @staticmethod
    def _shaken(x: Array, ulps: int, rng: np.random.Generator) -> Array:
        if not np.issubdtype(x.dtype, np.floating):
            return x
        signs = rng.choice(np.array([-1, 1], dtype=x.dtype), x.shape)
        return np.asarray(x + ulps * signs * np.spacing(np.abs(x)), dtype=x.dtype)
