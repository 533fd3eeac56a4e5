"""What is tried may write where it should not, and read where nothing is: neither is left to happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.lib import stride_tricks
from numpy.lib.array_utils import byte_bounds

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


@contextmanager
def views_within_bounds(functions: Iterable[FunctionType]) -> Iterator[None]:
    """A view by its strides has to lie in its array meanwhile: beyond it is memory that is not the program's."""
    free = stride_tricks.as_strided
    seen = (vars(stride_tricks), *map(attrgetter("__globals__"), functions))
    held = [(names, name) for names in seen for name in _called(free, names)]
    try:
        _put(held, partial(_within_bounds, free))
        yield
    finally:
        _put(held, free)


def _called(value: Any, names: Mapping[str, Any]) -> list[str]:
    """The names of a value."""
    return [name for name, held in names.items() if held is value]


def _put(places: Iterable[tuple[dict[str, Any], str]], value: Any) -> None:
    for names, name in places:
        names[name] = value


def _within_bounds(free: Callable[..., Array], x: Any, *shape: Any, **named: Any) -> Array:
    """As `as_strided`, which asks nobody; IndexError where its view reaches beyond the array."""
    view = free(x, *shape, **named)
    (low, high), (first, last) = map(byte_bounds, (view, _whole(np.asarray(x))))
    if not first <= low <= high <= last:
        raise IndexError("a view reaches beyond its array")
    return view


def _whole(array: Array) -> Array:
    """The array that a view is one of."""
    return _whole(array.base) if isinstance(array.base, np.ndarray) else array


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
