"""What a forward pass is called with: bound to its parameters, its arrays taken out of it."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.binding import first_missing, input_names, placed
from gradcheck.layer import Function
from gradcheck.meant import OF_FORMS, OPTIONS, missing_input
from gradcheck.trees import Tree, children

SPREAD = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Arguments:
    """What a forward pass is called with, under the names of its parameters.

    `tree` holds what was given; `defaults` are those of parameters that were not, which the backward
    pass may want too; `beyond` is what only the backward pass takes.
    """

    signature: inspect.Signature
    tree: Tree
    defaults: dict[str, Any]
    beyond: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        forward: Function,
        inputs: Sequence[Any],
        named: Mapping[str, Any],
        beyond: Sequence[str] = (),
    ) -> Arguments:
        """Bind inputs to the forward pass; names in `beyond` that it does not know wait for the way back.

        Raises:
            TypeError: for an input that is missing, unknown, or given twice.
        """
        signature = _signature(forward, len(inputs))
        known = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        later, mine = parted(named, set() if known else set(beyond) - signature.parameters.keys())
        bound = _bound(signature, inputs, mine)
        given = {name: _as_array(value) for name, value in bound.items()}
        return Arguments(signature, _tree_of(given), _defaults(signature, given), later)

    def filled(self, values: Sequence[Any]) -> inspect.BoundArguments:
        """The arguments with these arrays for the leaves, everything else copied afresh."""
        return inspect.BoundArguments(self.signature, self.tree.filled(values))


def parted(
    given: Mapping[str, Any], names: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was given under some names, and the rest."""
    mine = {name: value for name, value in given.items() if name in names}
    return mine, {name: value for name, value in given.items() if name not in names}


def _tree_of(given: Mapping[str, Any]) -> Tree:
    """The arrays in what was given; numbers with nothing beside them are inputs, no hyperparameters: f(3.0)."""
    tree = Tree.of(dict(given))
    if any(leaf.hard for leaf in tree.leaves):
        return tree
    return Tree.of({n: np.asarray(v) if isinstance(v, float) else v for n, v in given.items()})


def _defaults(signature: inspect.Signature, given: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for the parameters that were not given."""
    left = [p for p in signature.parameters.values() if p.name not in given]
    return {p.name: p.default for p in left if p.default is not p.empty}


def _signature(function: Function, count: int) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = input_names(function, count)
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])


def _bound(
    signature: inspect.Signature, inputs: Sequence[Any], named: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What each parameter is given.

    Raises:
        TypeError: for an input that is missing, unknown, or given twice.
    """
    try:
        return signature.bind(*inputs, **named).arguments
    except TypeError as error:
        wrong = error
    known = list(signature.parameters)
    values = placed(known, inputs, named, (*OPTIONS, *OF_FORMS))
    missing = first_missing(_needed(signature), values)
    if missing is not None:
        raise TypeError(missing_input(missing, known, inputs))
    raise TypeError(f"the forward pass takes {', '.join(known)}: {wrong}")


def _needed(signature: inspect.Signature) -> list[str]:
    """The parameters without a default."""
    parameters = signature.parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in SPREAD]


def written_down(value: Any, shapes: Collection[tuple[int, ...]]) -> Any:
    """A list of numbers as the array that it is, if it has one of these shapes; anything else as it is."""
    found = _as_array(value) if isinstance(value, list) else value
    return found if isinstance(found, np.ndarray) and found.shape in shapes else value


def _as_array(value: Any) -> Any:
    """A list of numbers, some of them floats, is an array written down; whole numbers are not, nor are records."""
    if not isinstance(value, (list, tuple)) or _holds_arrays(value) or _are_records(value):
        return value
    # Items of several shapes are no array.
    with suppress(ValueError):
        array = np.asarray(value)
        return array if len(value) and array.dtype.kind == "f" else value
    return value


def _are_records(rows: Any) -> bool:
    """Whether tuples hold whole numbers in one place and others elsewhere: (user, film, 3.5), to index with."""
    columns = zip(*rows, strict=False) if all(map(_is_tuple, rows)) else ()
    return set(map(_are_whole, columns)) == {True, False}


def _is_tuple(row: Any) -> bool:
    return isinstance(row, tuple)


def _are_whole(column: Iterable[Any]) -> bool:
    return all(isinstance(one, int) for one in column)


def _holds_arrays(value: Any) -> bool:
    inner = [item for _, item in children(value)]
    return isinstance(value, np.ndarray) or any(map(_holds_arrays, inner))
