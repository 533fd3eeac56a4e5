"""A float32 function in pieces: the pieces are those of the same function in float64.

Differences of the lifted pieces say what the gradient is, the hand-derived float32 is held against it with
its own rounding. What lies further off is judged as a formula, as wherever float32 cannot tell.
"""

from __future__ import annotations

from gradcheck.cut.witness import PiecewiseWitness
from gradcheck.numeric import NumericalGradient, NumericalWitness


class LiftedWitness(NumericalWitness):
    """A witness of a narrow forward pass that asks the pieces of the wide one."""

    def __init__(self, narrow: NumericalWitness, pieces: PiecewiseWitness) -> None:
        super().__init__(
            *(narrow.forward, narrow.dy, narrow.method, narrow.seed, narrow.noise, narrow.progress)
        )
        self.pieces = pieces

    @property
    def lifted(self) -> NumericalWitness:
        """The witness in more digits: the pieces."""
        return self.pieces

    def gradient(self, position: int) -> NumericalGradient:
        """The gradient of an input, as the pieces find it."""
        self.pieces.progress = self.progress
        before = self.pieces.forward.evaluations
        found = self.pieces.gradient(position)
        self.forward.evaluations += self.pieces.forward.evaluations - before
        return found

    @property
    def expected_once(self) -> int:
        """As the pieces have it."""
        return self.pieces.expected_once

    def expected(self, position: int) -> int:
        """As the pieces have it."""
        return self.pieces.expected(position)
