"""The inputs of a layer: what they are called, which of them are given, and which are differentiated."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any, Protocol, runtime_checkable

import numpy as np

from gradcheck.layer import Function
from gradcheck.meant import OPTIONS, missing_input, no_array, no_input
from gradcheck.result import Array

MOST_AXES = 30
"""Two fewer than the 32 that all of NumPy's functions know: arrays are laid beside each other along new ones."""


@runtime_checkable
class NamesItsInputs(Protocol):
    """A layer whose signature does not name its inputs, so that it does it itself: a network, say."""

    @property
    def input_names(self) -> Sequence[str]:
        """The names of the inputs, in order."""
        ...


def input_names(layer: Function, count: int) -> list[str]:
    """The names of a layer's inputs: its own `input_names`, or those of its signature.

    Hyperparameters, which are keyword-only or bound with `functools.partial`, are not inputs.
    """
    if isinstance(layer, NamesItsInputs):
        return [str(name) for name in layer.input_names]
    bound = layer.keywords if isinstance(layer, partial) else {}
    names = [p.name for p in _filled_by_place(layer) if p.name not in bound]
    more = count if _takes_any(layer) else 0
    return names + [f"input{k}" for k in range(len(names), more)]


def _filled_by_place(layer: Function) -> list[inspect.Parameter]:
    """The parameters that a call may fill by place; none where a layer has no signature."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters_of(layer) or () if p.kind in kinds]


def _takes_any(layer: Function) -> bool:
    """Whether a layer takes more than it has names for: *inputs, or no signature that says."""
    parameters = parameters_of(layer)
    return parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def parameters_of(layer: Function) -> list[inspect.Parameter] | None:
    """The parameters of a layer; None where it has no signature."""
    try:
        return list(inspect.signature(layer).parameters.values())
    except (TypeError, ValueError):
        return None


def bind(
    layer: Function, inputs: Sequence[Any], named: Mapping[str, Any]
) -> tuple[list[str], list[Array]]:
    """The inputs in the layer's order, as checked arrays, with their names.

    Raises:
        TypeError: for a name the layer does not have, an input missing or given twice, or an
            array that is not of numbers.
        ValueError: for NaN or Inf in an input.
    """
    names = input_names(layer, len(inputs))
    values = placed(names, inputs, named)
    order = [name for name in names if name in values]
    missing = first_missing([*names[: len(order)], *required(layer)], values)
    if missing is not None:
        raise TypeError(missing_input(missing, names, inputs))
    if len(inputs) > len(names) or not order:
        known = ", ".join(names) or "no inputs"
        raise TypeError(f"the layer takes {known}; {len(inputs)} were given")
    return order, [array_of(name, values[name]) for name in order]


def placed(
    names: Sequence[str],
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    options: Iterable[str] = OPTIONS,
) -> dict[str, Any]:
    """What is given, by position or by name, as a dict.

    Raises:
        TypeError: for a name that there is not, which may be one of the options, or one given twice.
    """
    by_position = dict(zip(names, inputs, strict=False))
    for name in named:
        if name not in names:
            raise TypeError(no_input(name, names, options))
        if name in by_position:
            raise TypeError(f"input {name!r} is given by position and by name")
    return {**by_position, **named}


def first_missing(needed: Iterable[str], values: Mapping[str, Any]) -> str | None:
    """The first of the names that are needed that nothing was given for."""
    return next((name for name in needed if name not in values), None)


def required(layer: Function) -> list[str]:
    """The names of the inputs that have no default."""
    if isinstance(layer, NamesItsInputs):
        return [str(name) for name in layer.input_names]
    return [p.name for p in _filled_by_place(layer) if p.default is p.empty]


def left_at_defaults(layer: Function, given: Sequence[str]) -> list[str]:
    """Inputs behind those that are given, left at defaults that are floats: their gradients may come too."""
    parameters = [] if isinstance(layer, NamesItsInputs) else _filled_by_place(layer)
    rest = parameters[len(given) :]
    known = [p.name for p in parameters[: len(given)]] == list(given)
    soft = all(isinstance(p.default, (float, np.ndarray)) for p in rest)
    return [p.name for p in rest] if known and soft else []


def array_of(name: str, value: Any) -> Array:
    """An input as an array.

    Raises:
        TypeError: if it is none of numbers.
        ValueError: if it has too many axes, or an entry that is not finite.
    """
    array = _as_array(name, value)
    # In the machine's own byte order: what was read from a file may have another, and no gradient has it.
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim > MOST_AXES:
        raise ValueError(f"input {name} has {array.ndim} axes, expected at most {MOST_AXES}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"input {name} holds {array[place]} at {list(place)}; expected finite")
    return array


def _as_array(name: str, value: Any) -> Array:
    if np.ma.is_masked(value):
        raise TypeError(
            f"input {name} is a masked array, expected every entry: x.filled(…) has all"
        )
    try:
        array = np.asarray(value)
    except ValueError as error:  # A list whose items have several shapes.
        raise TypeError(no_array(name, value)) from error
    if array.dtype.kind not in "fiub":
        if not isinstance(value, np.ndarray):
            raise TypeError(no_array(name, value))
        raise TypeError(
            f"input {name} has dtype {array.dtype}; expected float32 or float64 "
            "(integers only for labels and indices)"
        )
    return array


def positions(
    names: Sequence[str], arrays: Sequence[Array], wrt: str | int | Iterable[str | int] | None
) -> list[int]:
    """Which inputs to differentiate: those in `wrt`, or every one of floating dtype.

    Raises:
        TypeError: if one of them is not of floating dtype, or none is.
        ValueError: for a name or number that is no input, and for none at all.
    """
    if wrt is None:
        return _floating(names, arrays)
    wanted = [wrt] if isinstance(wrt, (str, Integral)) else list(wrt)  # type: ignore[arg-type]
    if not wanted:
        raise ValueError("wrt is empty: name at least one input to check")
    return [_position(item, names, arrays) for item in wanted]


def _floating(names: Sequence[str], arrays: Sequence[Array]) -> list[int]:
    """The positions of the inputs of floating dtype."""
    chosen = [k for k, x in enumerate(arrays) if x.dtype.kind == "f"]
    if not chosen:
        kinds = ", ".join(f"{n} ({x.dtype})" for n, x in zip(names, arrays, strict=True))
        raise TypeError(
            f"no input of floating dtype among {kinds}: a small step would truncate to "
            "nothing; convert with .astype(float)"
        )
    return chosen


def _position(item: str | int, names: Sequence[str], arrays: Sequence[Array]) -> int:
    """The position of an input of floating dtype that is named or numbered."""
    known: Sequence[str | int] = names if isinstance(item, str) else range(len(names))
    if item not in known:
        raise ValueError(f"wrt names {item!r}; the inputs are {', '.join(names)}")
    position = known.index(item)
    must_be_float(names[position], arrays[position])
    return position


def must_be_float(name: str, array: Array) -> None:
    """Raise TypeError for an input that a small step would not move."""
    if array.dtype.kind != "f":
        raise TypeError(
            f"input {name} is an integer array ({array.dtype}), expected float32 or float64: a "
            "small step would truncate to nothing; convert it with .astype(float)"
        )
