"""What is tried may write where it should not: arrays of the user's are put back to what they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.lines import Unreadable
from gradcheck.lines.source import unbound
from gradcheck.repair.watch import LARGEST
from gradcheck.result import Array

PLAIN = (type, ModuleType, FunctionType, BuiltinFunctionType, str, bytes, int, float, complex)
"""What holds no array of the user's: most of what a module knows."""
DEEPEST = 4
"""Arrays of objects of objects: a list of layers, each with a dictionary of parameters."""

Met = dict[int, tuple[int, Any]]
"""By its identity, how deep something was looked into; and it itself, as an identity is given away again."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The arrays that functions see besides their arguments, each with what it held."""

    kept: tuple[tuple[Array, Array], ...]

    @staticmethod
    def of(functions: Iterable[Callable[..., Any]]) -> Surroundings:
        """What is bound to functions, what they are written in, and what their modules hold."""
        met: Met = {}
        found = (a for f in functions for value in _seen_by(f) for a in _arrays(value, met))
        return Surroundings(tuple((a, a.copy()) for a in found if a.size <= LARGEST))

    @contextmanager
    def left_as_they_are(self) -> Iterator[None]:
        """Put back whatever is written into meanwhile."""
        try:
            yield
        finally:
            for array, before in self.kept:
                if array.tobytes() != before.tobytes():
                    array[...] = before


def _seen_by(function: Callable[..., Any]) -> Iterator[Any]:
    with suppress(Unreadable):
        bare, ahead, keywords = unbound(function)
        yield from (*ahead, *keywords.values(), *bare.__globals__.values())
        for cell in bare.__closure__ or ():
            with suppress(ValueError):
                yield cell.cell_contents


def _arrays(value: Any, met: Met, depth: int = DEEPEST) -> Iterator[Array]:
    """The arrays that can be written into, in what holds several too; each once.

    What was looked into as deep before is left alone: objects know each other.
    """
    if isinstance(value, PLAIN) or met.get(id(value), (-1,))[0] >= depth:
        return
    new, met[id(value)] = id(value) not in met, (depth, value)
    if isinstance(value, np.ndarray):
        yield from [value] if new and value.flags.writeable else []
        return
    for inner in _parts(value) if depth else ():
        yield from _arrays(inner, met, depth - 1)


def _parts(value: Any) -> Iterable[Any]:
    """What a list, a dictionary or an object of the user's holds."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    return getattr(value, "__dict__", {}).values()
