"""The proof of a repair: as it stands in the text, it is checked at the inputs given and at two fresh draws.

The first fresh draw has the sizes given, the second others, where the layer takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.draws import same_sizes
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer, copies, run
from gradcheck.repair.program import Program
from gradcheck.repair.sizes import Resized, resized
from gradcheck.result import Array, Report, Verdict

SAME = 1e-6
"""A value is as it was if it keeps the digits of a float32, in which it may have been summed in another order."""

Check = Callable[..., Report]
"""`check(layer, *inputs, seed=…, upstream=…)`: a fresh check of a changed layer."""


@dataclass(frozen=True, eq=False)
class Proof:
    """How edits of one backward pass are proved: afresh, with draws by a seed."""

    context: Context
    check: Check
    seed: int

    def holds(self, program: Program) -> bool:
        """Whether every gradient passes, in these texts, at the draw given and at fresh ones."""
        # What is tried may fail in any way.
        with suppress(Exception):
            layer = program.built()
            return self._keeps_the_value(layer) and self._passes_here(layer) and self._again(layer)
        return False

    def _keeps_the_value(self, layer: Layer) -> bool:
        """Whether the layer computes the same value as before.

        An edit that mends the gradients of a loss and changes the loss itself mends nothing.
        """
        value, before = run(layer, copies(self.context.inputs))[0], self.context.forward.value
        return bool(agrees(np.asarray(value), before, SAME * np.abs(before)).all())

    def _passes_here(self, layer: Layer) -> bool:
        given = copies(self.context.inputs)
        return self.check(layer, *given, seed=self.seed, upstream=self.context.dy).passed

    def _again(self, layer: Layer) -> bool:
        """Whether it passes at two fresh draws."""
        several = (self.context.inputs, self.elsewhere.grown)
        return all(self._passes(layer, inputs, k) for k, inputs in enumerate(several, 1))

    def _passes(self, layer: Layer, inputs: Sequence[Array], draw: int) -> bool:
        seed = self.seed + draw
        for fresh in self._fresh(inputs, np.random.default_rng((seed, draw))):
            verdict = self.check(layer, *fresh, seed=seed).verdict
            if verdict is not Verdict.INCONCLUSIVE:
                return verdict is Verdict.PASS
            # Drawn too far away to be seen clearly: the next is nearer.
        return False

    def _fresh(self, inputs: Sequence[Array], rng: np.random.Generator) -> Iterator[list[Array]]:
        """Other values of the same sizes at which the layer is defined, ever nearer."""
        for change in same_sizes(self.context, rng):
            fresh = [change(x) for x in inputs]
            if self._is_defined(fresh):
                yield fresh

    @cached_property
    def elsewhere(self) -> Resized:
        """The inputs in other sizes, where the layer takes them."""
        return resized(self._value, self.context.inputs)

    def _is_defined(self, inputs: Sequence[Array]) -> bool:
        return self._value(inputs) is not None

    def _value(self, inputs: Sequence[Array]) -> Array | None:
        """The value of the layer at inputs, if it is finite there."""
        with suppress(Exception), np.errstate(all="ignore"):
            value, _ = run(self.context.layer, copies(inputs))
            return value if np.isfinite(value).all() else None
        return None
