"""The global random state, which forward passes draw from: put back before each, and kept as it was."""

from __future__ import annotations

import random
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.forms.saying import said
from gradcheck.result import Finding


class Stop:
    """Where a forward pass has left the random state."""

    state: Any = None


_open: list[weakref.ref[Stop]] = []
"""The last forward pass, whose state has not been read: that takes as long as ten small passes, and most are
never gone back from."""
_reading = threading.Lock()


def _now() -> tuple[Any, Any]:
    return np.random.get_state(), random.getstate()  # noqa: NPY002  (it is what the user's code draws from)


def _settle() -> None:
    """Read what the last forward pass has left before anything else is drawn, if it is still held."""
    with _reading:
        while _open:
            stop = _open.pop()()
            if stop is not None:
                stop.state = _now()


@dataclass(frozen=True)
class Dice:
    """The global random state: put back to the same before each forward pass, where a seed asks for it.

    A backward pass goes on from where its forward pass stopped, so that one that draws a mask anew
    draws another.
    """

    seed: int | None

    def throw(self) -> None:
        """Before a forward pass."""
        _settle()
        if self.seed is not None:
            np.random.seed(self.seed)  # noqa: NPY002
            random.seed(self.seed)

    def stop(self) -> Stop | None:
        """After a forward pass."""
        if self.seed is None:
            return None
        stop = Stop()
        _open.append(weakref.ref(stop))
        return stop

    def remarks(self, stop: Stop | None) -> list[Finding]:
        """Says so, if a forward pass that ended there has drawn something."""
        if stop is None:
            return []
        _settle()
        state = stop.state
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

    def put(self, stop: Stop | None) -> None:
        """Before a backward pass."""
        if stop is not None:
            _settle()
            np.random.set_state(stop.state[0])  # noqa: NPY002
            random.setstate(stop.state[1])


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Leave the global random state as it was."""
    _settle()
    before = _now()
    try:
        yield
    finally:
        _settle()
        np.random.set_state(before[0])  # noqa: NPY002
        random.setstate(before[1])
