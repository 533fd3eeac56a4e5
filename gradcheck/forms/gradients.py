"""Which gradient belongs to which input: by position where positions tell, by name where names do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.forms.names import undressed
from gradcheck.forms.trees import Leaf, Path, at, children
from gradcheck.result import Array


@dataclass(frozen=True)
class Matching:
    """Where in what a backward pass returns the gradient of each input is.

    Args:
        paths: for each leaf the path to its gradient; None for a leaf without one.
        by_name: the gradients that were found by their name, each with its leaf's name.
        fits: whether the gradients are as many as the inputs; if not, `paths` says nothing.
    """

    paths: dict[Path, Path]
    by_name: tuple[tuple[str, str], ...] = ()
    fits: bool = True

    def of(self, leaf: Leaf) -> Path | None:
        """The path to a leaf's gradient."""
        return self.paths.get(leaf.path)


def is_number(value: Any) -> bool:
    """Whether a value can be a gradient: an array or a number."""
    return isinstance(value, (np.ndarray, np.generic, float, int)) and not isinstance(value, bool)


def match(
    gradients: Any,
    leaves: Sequence[Leaf],
    names: Mapping[Path, str],
    arguments: Sequence[str],
    order: Sequence[str] | None = None,
) -> Matching:
    """Find the gradient of each leaf in what a backward pass returned.

    Args:
        gradients: an array, or a tuple, list or dict of them, nested as it may be.
        leaves: the inputs, grouped by the argument that their path begins with.
        names: what the backward pass's return statement calls them.
        arguments: what the forward pass was called with, constants included.
        order: the inputs' names in the order in which their gradients are returned, where it is said.
    """
    if order is not None:
        return _in_order(list(_leaves(gradients, ())), leaves, order)
    if isinstance(gradients, dict):
        return _by_name(list(_leaves(gradients, ())), leaves, names)
    if is_number(gradients):
        hard = _hard(leaves)
        return Matching({hard[0].path: ()}) if len(hard) == 1 else Matching({}, fits=False)
    if not isinstance(gradients, (tuple, list)):
        return Matching({}, fits=False)
    found = _by_position(gradients, _arguments(arguments, leaves), names)
    return found if found is not None else _one_after_another(gradients, leaves, names)


def _is_input(leaf: Leaf) -> bool:
    return not leaf.soft and leaf.value.dtype.kind == "f"


def _hard(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaves that must have a gradient: arrays of floats."""
    return [leaf for leaf in leaves if _is_input(leaf)]


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every number, array and None in a tree of gradients."""
    inner = list(children(value))
    if inner:
        for key, item in inner:
            yield from _leaves(item, (*path, key))
    elif is_number(value) or value is None:
        yield path, value


def _arguments(names: Sequence[str], leaves: Sequence[Leaf]) -> list[list[Leaf]]:
    """The leaves of each argument, none for a constant."""
    return [[leaf for leaf in leaves if leaf.path[0] == name] for name in names]


def _in_order(
    found: Sequence[tuple[Path, Any]], leaves: Sequence[Leaf], order: Sequence[str]
) -> Matching:
    by_name = {leaf.name: leaf for leaf in leaves}
    unknown = [name for name in order if name not in by_name and name != "None"]
    if unknown:
        raise TypeError(
            f"gradients= names {unknown[0]!r}; the inputs are {', '.join(by_name) or 'none'}"
        )
    pairs = zip(order, found, strict=False)
    paths = {by_name[name].path: path for name, (path, _) in pairs if name in by_name}
    return Matching(paths, fits=len(found) == len(order))


def _by_position(
    gradients: Sequence[Any], arguments: list[list[Leaf]], names: Mapping[Path, str]
) -> Matching | None:
    """One gradient for each argument, for each that holds floats, or for each that is an array itself."""
    for way in WAYS:
        chosen = [mine for mine in arguments if way(mine)]
        if len(chosen) == len(gradients) and all(map(_may_be, gradients, chosen)):
            pairs = zip(gradients, chosen, strict=True)
            return _together([_within(g, mine, (k,), names) for k, (g, mine) in enumerate(pairs)])
    return None


WAYS: tuple[Callable[[list[Leaf]], bool], ...] = (
    lambda _: True,
    lambda mine: any(leaf.value.dtype.kind == "f" for leaf in mine),
    lambda mine: any(_is_input(leaf) for leaf in mine),
    lambda mine: any(_is_input(leaf) and len(leaf.path) == 1 for leaf in mine),
)
"""Which arguments have a gradient: all, those with floats, with arrays of floats, or that are one."""


def _together(parts: Sequence[Matching]) -> Matching:
    """The matchings of several arguments as one."""
    return Matching(
        {leaf: path for part in parts for leaf, path in part.paths.items()},
        tuple(pair for part in parts for pair in part.by_name),
        all(part.fits for part in parts),
    )


def _may_be(gradient: Any, mine: list[Leaf]) -> bool:
    """Whether an argument and what is returned for it are both an array, or both a tree."""
    return gradient is None or (bool(mine) and is_number(gradient) == (len(mine[0].path) == 1))


def _within(gradient: Any, mine: list[Leaf], path: Path, names: Mapping[Path, str]) -> Matching:
    """The gradients within one argument."""
    if gradient is None:
        return Matching({})
    if is_number(gradient):
        return Matching({mine[0].path: path})
    if all(is_number(at(gradient, leaf.path[1:])) for leaf in mine):
        return Matching({leaf.path: (*path, *leaf.path[1:]) for leaf in mine})
    found = [(path + inner, value) for inner, value in _leaves(gradient, ())]
    if isinstance(gradient, dict):
        return _by_name(found, mine, names)
    return _one_each([path for path, _ in found], _hard(mine))


def _one_each(paths: Sequence[Path], leaves: Sequence[Leaf]) -> Matching:
    """One gradient for each leaf, in order."""
    if len(paths) != len(leaves):
        return Matching({}, fits=False)
    return Matching({leaf.path: path for leaf, path in zip(leaves, paths, strict=True)})


def _one_after_another(
    gradients: Sequence[Any], leaves: Sequence[Leaf], names: Mapping[Path, str]
) -> Matching:
    """The gradients laid flat beside the inputs laid flat; those with a name of their own by name."""
    found = list(_leaves(gradients, ()))
    keyed = [(path, value) for path, value in found if _has_a_word(path)]
    rest = [path for path, _ in found if not _has_a_word(path)]
    if not keyed:
        return _one_each(rest, _floats(_open(leaves, {})))
    named = _by_name(keyed, leaves, {})
    # Beside a dict of gradients, what has no name belongs to an argument that is an array.
    arrays = [leaf for leaf in _floats(_open(leaves, named.paths)) if len(leaf.path) == 1]
    others = _one_each(rest, arrays)
    return Matching(named.paths | others.paths, named.by_name) if others.fits else others


def _floats(leaves: Sequence[Leaf]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf.value.dtype.kind == "f"]


def _has_a_word(path: Path) -> bool:
    """Whether a path goes through a key of a dict, which says what is meant."""
    return any(isinstance(key, str) for key in path)


def _by_name(
    found: Sequence[tuple[Path, Any]], leaves: Sequence[Leaf], names: Mapping[Path, str]
) -> Matching:
    """Each gradient to the leaf that its name is a gradient's name of."""
    paths: dict[Path, Path] = {}
    said: list[tuple[str, str]] = []
    for path, value in found:
        if value is None:
            continue
        leaf = named_leaf(path, value, leaves, names)
        if leaf is not None and leaf.path not in paths:
            paths[leaf.path] = path
            said.append((called(path, names), leaf.name))
    return Matching(paths, tuple(said), fits=bool(paths))


def called(path: Path, names: Mapping[Path, str]) -> str:
    """A gradient's own name: its key, or what the return statement calls it."""
    keys = [key for key in path if isinstance(key, str)]
    return str(keys[-1] if keys else names.get(path, path[-1] if path else ""))


def named_leaf(
    path: Path, value: Any, leaves: Sequence[Leaf], names: Mapping[Path, str]
) -> Leaf | None:
    """The leaf that a gradient belongs to by its name; None if none does, or several do."""
    keys, least = _telling(path, names)
    for fold in (str, str.lower):
        for depth in range(len(keys), least - 1, -1):
            leaf = _only(leaves, keys[-depth:], fold, np.shape(value))
            if leaf is not None:
                return leaf
    return None


def _telling(path: Path, names: Mapping[Path, str]) -> tuple[Path, int]:
    """The keys that name a gradient, and how many at their end are the least that name anything.

    A position alone names nothing: a word must be among them.
    """
    words = [k for k, key in enumerate(path) if isinstance(key, str)]
    return (path, len(path) - words[-1]) if words else ((called(path, names),), 1)


def _only(
    leaves: Sequence[Leaf], keys: Path, fold: Callable[[Any], str], shape: tuple[int, ...]
) -> Leaf | None:
    """The one leaf whose path ends in these keys; of several the one of this shape."""
    mine = [leaf for leaf in leaves if _same_end(keys, leaf.path, fold)]
    fitting = mine if len(mine) == 1 else [leaf for leaf in mine if leaf.value.shape == shape]
    return fitting[0] if len(fitting) == 1 else None


def _same_end(keys: Sequence[Any], path: Path, fold: Callable[[Any], str]) -> bool:
    """Whether a path ends as a gradient's keys do, with the dress of a gradient taken off."""
    if len(keys) > len(path):
        return False
    ends = path[len(path) - len(keys) :]
    return all(
        fold(str(end)) in [fold(name) for name in (str(key), *undressed(str(key)))]
        for key, end in zip(keys, ends, strict=True)
    )


def entries_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The gradients in what was returned, with the way to each."""
    return ((path, item) for path, item in _leaves(value, path) if item is not None)


def name_by_name(
    entries: Sequence[tuple[Path, Any]],
    inputs: Sequence[Leaf],
    parameters: Sequence[Leaf],
    names: Mapping[Path, str],
    order: Sequence[str] | None = None,
    *,
    guess_beside: bool = True,
) -> dict[Path, Path]:
    """For inputs and parameters the gradient that is called so; what has no such name goes by order and shape.

    Args:
        entries: the gradients, with the way to each.
        inputs, parameters: what they may be gradients of.
        names: what the return statement calls them.
        order: whose gradients they are, one after another, where that is said.
        guess_beside: whether what has no name is a gradient also beside others that have one.
    """
    if order is not None:
        return _in_order(entries, (*inputs, *parameters), order).paths
    found = _with_a_name(entries, (*inputs, *parameters), names)
    if found and not guess_beside:
        return found
    named = set(found.values())
    unnamed = [entry for entry in entries if entry[0] not in named and not _has_a_word(entry[0])]
    # A mask or a label in floats is given no gradient as long as there is something else.
    inputs = sorted(inputs, key=lambda leaf: bool(np.isin(leaf.value, (0, 1)).all()))
    unnamed = _laid(found, unnamed, _open(inputs, found), strict=False)
    _laid(found, unnamed, _open(parameters, found), strict=True)
    return found


def _with_a_name(
    entries: Sequence[tuple[Path, Any]], leaves: Sequence[Leaf], names: Mapping[Path, str]
) -> dict[Path, Path]:
    """For each leaf the first gradient that is called so."""
    found: dict[Path, Path] = {}
    for path, value in entries:
        leaf = named_leaf(path, value, leaves, names) if called(path, names) else None
        if leaf is not None:
            found.setdefault(leaf.path, path)
    return found


def _open(leaves: Sequence[Leaf], found: Mapping[Path, Path]) -> list[Leaf]:
    """The leaves that a gradient without a name may belong to."""
    return [leaf for leaf in leaves if leaf.path not in found and not leaf.soft]


def _laid(
    found: dict[Path, Path],
    entries: Sequence[tuple[Path, Any]],
    leaves: list[Leaf],
    *,
    strict: bool,
) -> list[tuple[Path, Any]]:
    """Give each entry to the first leaf of its shape, or, if not strict, to the first; returns the others."""
    others = []
    for path, value in entries:
        fitting = [leaf for leaf in leaves if leaf.value.shape == np.shape(value)]
        fitting = fitting or ([] if strict else leaves[:1])
        if fitting:
            found[fitting[0].path] = path
            leaves.remove(fitting[0])
        else:
            others.append((path, value))
    return others


def picked(gradients: Any, path: Path | None) -> Array | None:
    """The gradient at the end of a path."""
    value = None if path is None else at(gradients, path)
    return None if value is None else np.asarray(value)
