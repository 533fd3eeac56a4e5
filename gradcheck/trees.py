"""Values with a structure (dicts, lists, tuples of arrays): taken apart into named arrays, put together again."""

from __future__ import annotations

import copy
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from gradcheck.entries import every_entry
from gradcheck.layer import Misuse
from gradcheck.result import Array

T = TypeVar("T")

Path = tuple[Any, ...]
"""The keys and positions that lead to a value: ("params", "conv", "W")."""


def spelled(path: Path) -> str:
    """A path as a report writes it: params.conv.W."""
    return ".".join(map(str, path))


@dataclass(frozen=True, eq=False)
class Leaf:
    """An array in a tree, and the way to it.

    `soft` marks a plain Python number, which is an ε, a rate or a probability more often than an
    input: it counts only where it has a gradient.
    """

    path: Path
    value: Array
    soft: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """What a report calls it."""
        return self.label or spelled(self.path)

    @property
    def hard(self) -> bool:
        """Whether it is more than a plain number."""
        return not self.soft

    @property
    def floats(self) -> bool:
        """Whether it holds floats."""
        return self.value.dtype.kind == "f"

    @property
    def needs_one(self) -> bool:
        """Whether it is an array of floats, which has a gradient unless something says that it has none."""
        return self.hard and self.floats

    @property
    def is_argument(self) -> bool:
        """Whether it is an argument itself, not an item within one."""
        return len(self.path) == 1

    @property
    def stands_alone(self) -> bool:
        """Whether it is an argument that is an array of floats."""
        return self.needs_one and self.is_argument


class _Place:
    """Stands in a template where an array was taken out."""


@dataclass(frozen=True)
class Tree:
    """A value with its arrays taken out: `filled` puts others in their places, in a fresh copy of the rest."""

    template: Any
    places: tuple[_Place, ...]
    leaves: tuple[Leaf, ...]

    @staticmethod
    def of(value: Any, path: Path = ()) -> Tree:
        """Take a value apart; what holds no numbers stays in the template, and is copied at each call."""
        found: list[tuple[_Place, Leaf]] = []
        template = _apart(value, path, found)
        return Tree(template, tuple(p for p, _ in found), tuple(leaf for _, leaf in found))

    def filled(self, values: Sequence[Any]) -> Any:
        """The value with `values` for its leaves, everything else copied afresh."""
        memo = {id(place): value for place, value in zip(self.places, values, strict=True)}
        return copied(self.template, memo)


def _apart(value: Any, path: Path, found: list[tuple[_Place, Leaf]]) -> Any:
    leaf = _leaf(value, path)
    if leaf is not None:
        place = _Place()
        found.append((place, leaf))
        return place
    inner = {key: _apart(item, (*path, key), found) for key, item in children(value)}
    return rebuilt(value, list(inner.values())) if inner else value


def _leaf(value: Any, path: Path) -> Leaf | None:
    value = every_entry(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        return Leaf(path, value.copy())
    if isinstance(value, (complex, np.complexfloating)):
        return Leaf(path, np.asarray(value))
    return Leaf(path, np.asarray(value), soft=True) if is_float(value) else None


def is_float(value: Any) -> bool:
    """Whether it is a single float, no array."""
    return isinstance(value, (float, np.floating))


def is_array_or_float(value: Any) -> bool:
    """Whether it is what a forward pass computes with."""
    return isinstance(value, np.ndarray) or is_float(value)


def children(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a dict, list or tuple holds, under its keys or positions; nothing for anything else."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        fields = getattr(value, "_fields", range(len(value)))
        yield from zip(fields, value, strict=True)


def flat(value: Any, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """The leaves of a tree, in order."""
    if is_leaf(value):
        return [value]
    return [leaf for _, item in children(value) for leaf in flat(item, is_leaf)]


def rebuilt(value: Any, items: Sequence[Any]) -> Any:
    """A container of the kind of `value` with other items under the same keys."""
    if isinstance(value, dict):
        same = copy.copy(value)
        same.update(zip(value, items, strict=True))
        return same
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def deep_copy(value: Any, memo: Mapping[int, Any]) -> Any:
    """A deep copy, in which `memo` says what stands for an object, and a module for itself: `self.xp = numpy`."""
    try:
        return copy.deepcopy(value, dict(memo))
    except TypeError:
        modules = {id(module): module for module in sys.modules.values()}
        return copy.deepcopy(value, {**modules, **memo})


def copied(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """A deep copy, in which `memo` says what stands for an object; what cannot be copied stays."""
    try:
        return deep_copy(value, memo or {})
    except Exception:
        inner = [copied(item, memo) for _, item in children(value)]
        return rebuilt(value, inner) if inner else value


def only(found: Sequence[T]) -> T | None:
    """The one thing that was found; None if it is none or several."""
    return found[0] if len(found) == 1 else None


def at(value: Any, path: Path) -> Any:
    """What stands at the end of a path; None if the path leads nowhere."""
    for key in path:
        try:
            value = getattr(value, key) if hasattr(value, "_fields") else value[key]
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
    return value


@dataclass(frozen=True)
class Packing:
    """Several arrays as one and back: axes that all of them begin with are kept, the rest is laid in a row.

    So what belongs to one index of the batch stays there, and can still be told apart. A single array
    passes through as it is.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]

    @staticmethod
    def of(arrays: Sequence[Array]) -> Packing:
        """The packing for arrays such as these."""
        return Packing(tuple(a.shape for a in arrays), tuple(a.dtype for a in arrays))

    @property
    def common(self) -> tuple[int, ...]:
        """The axes that every shape begins with."""
        axes = map(set, zip(*self.shapes, strict=False))
        return tuple(min(lengths) for lengths in itertools.takewhile(lambda n: len(n) == 1, axes))

    def packed(self, arrays: Sequence[Any]) -> Array:
        """One array with everything in it.

        Raises:
            Misuse: if the shapes are not those of the first run. A single array may have other sizes, as
                it has at inputs of other sizes.
        """
        given = list(map(np.asarray, arrays))
        shapes = Packing.of(given).shapes
        if len(given) == 1 and [given[0].ndim] == list(map(len, self.shapes)):
            return given[0]
        if shapes != self.shapes:
            raise Misuse(f"the forward pass returned shapes {self.shapes} first, now {shapes}")
        kept, sizes = self.common, self._sizes
        rows = [a.reshape(*kept, size) for a, size in zip(given, sizes, strict=True)]
        return np.concatenate(rows, axis=-1)

    @property
    def _sizes(self) -> list[int]:
        """How much of each array is laid in the row."""
        return [math.prod(shape[len(self.common) :]) for shape in self.shapes]

    def as_precise_as_all(self, arrays: Sequence[Any]) -> Array:
        """The same in the narrowest of their dtypes: what was rounded to float32 is a staircase in float64."""
        whole = self.packed(arrays)
        narrowest = min((np.asarray(a).dtype for a in arrays), key=lambda dtype: dtype.itemsize)
        return whole.astype(narrowest, copy=False) if whole.dtype.kind == "f" else whole

    def unpacked(self, whole: Array) -> list[Array]:
        """The arrays that `whole` was packed of, each in its own dtype."""
        if len(self.shapes) == 1:
            return [whole]
        parts = np.split(whole, np.cumsum(self._sizes)[:-1], axis=-1)
        return [
            part.reshape(shape).astype(dtype)
            for part, shape, dtype in zip(parts, self.shapes, self.dtypes, strict=True)
        ]
