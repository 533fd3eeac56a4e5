"""The global random state, which forward passes draw from: put back before each, and kept as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.forms.saying import said
from gradcheck.result import Finding


@dataclass(frozen=True)
class Dice:
    """The global random state: put back to the same before each forward pass, where a seed asks for it.

    A backward pass goes on from where its forward pass stopped, so that one that draws a mask anew
    draws another.
    """

    seed: int | None

    def throw(self) -> None:
        """Before a forward pass."""
        if self.seed is not None:
            np.random.seed(self.seed)  # noqa: NPY002  (it is what the user's code draws from)
            random.seed(self.seed)

    def state(self) -> Any:
        """After a forward pass."""
        return None if self.seed is None else (np.random.get_state(), random.getstate())  # noqa: NPY002

    def remarks(self, state: Any) -> list[Finding]:
        """Says so, if a forward pass that ended in this state has drawn something."""
        if state is None:
            return []
        _, words, *rest = np.random.RandomState(self.seed).get_state(legacy=True)
        untouched = np.array_equal(state[0][1], words) and list(state[0][2:]) == rest
        if untouched and state[1] == random.Random(self.seed).getstate():
            return []
        return [
            said(
                "The forward pass draws random numbers: the generator was put back to the state of "
                f"seed={self.seed} before each.",
                seed=self.seed,
            )
        ]

    def put(self, state: Any) -> None:
        """Before a backward pass."""
        if state is not None:
            np.random.set_state(state[0])  # noqa: NPY002
            random.setstate(state[1])


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Leave the global random state as it was."""
    before = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        random.setstate(before[1])
