"""Numbers in what people write: which values are arrays, which lists hold several alike, what is part of what."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.result import Array


def is_number(value: Any) -> bool:
    """Whether a value is an array or a float."""
    return isinstance(value, (np.ndarray, np.generic, float))


def kept_as_is(value: Any) -> Any:
    """A copy of what may be written into later: of an array, of a list of several alike."""
    if is_number(value):
        return np.array(value)
    return [*value] if are_alike(value) else value


def are_alike(value: Any) -> bool:
    """Whether a value is a list or tuple of several arrays of one shape."""
    if type(value) not in (list, tuple) or len(value) < 2:
        return False
    first = value[0]
    return all(isinstance(one, np.ndarray) and one.shape == first.shape for one in value)


def with_items(value: Any, items: list[Any]) -> Any:
    """A list that holds other items from then on, the same list; a tuple made of them."""
    if isinstance(value, tuple):
        return tuple(items)
    value[:] = items
    return value


def region_of(part: Any, whole: Array) -> tuple[Array, ...] | None:
    """Which entries of a contiguous array another one shares memory with, as an index; None if it does not."""
    if not (whole.flags.c_contiguous and whole.size and np.may_share_memory(part, whole)):
        return None
    start = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    strides, indices = np.array(part.strides, dtype=int), np.indices(part.shape)
    flat = (start + np.ravel(np.tensordot(strides, indices, 1))) // whole.itemsize
    inside = flat[(flat >= 0) & (flat < whole.size)]
    return tuple(np.unravel_index(inside, whole.shape)) if inside.size else None
