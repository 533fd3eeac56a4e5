"""Which gradient belongs to which input: by position where positions tell, by name where names do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import count, filterfalse
from operator import attrgetter, or_
from typing import Any

import numpy as np

from gradcheck.forms.called import Entry, entries_of, is_number, named, numbered
from gradcheck.forms.names import MASK, is_parameter, likeness_to_a_target, undressed
from gradcheck.trees import Leaf, Path, at, only


@dataclass(frozen=True)
class Matching:
    """Where in what a backward pass returns the gradient of each input is.

    `by_name` are the gradients that were found by their name, each with its leaf's. Where they are not as
    many as the inputs nothing `fits`, and `paths` says nothing; `partly` there are fewer on purpose.
    """

    paths: dict[Path, Path]
    by_name: tuple[tuple[str, str], ...] = ()
    fits: bool = True
    partly: bool = False

    def __or__(self, other: Matching) -> Matching:
        """The matchings of two parts as one."""
        fits = self.fits and other.fits
        return Matching(self.paths | other.paths, self.by_name + other.by_name, fits)


UNFIT = Matching({}, fits=False)


def match(
    gradients: Any,
    leaves: Sequence[Leaf],
    names: Mapping[Path, str],
    arguments: Sequence[str],
    order: Sequence[str],
) -> Matching:
    """Find the gradient of each leaf in what a backward pass returned: an array, or a tree of them.

    `names` are what its return statement calls them, `arguments` what the forward pass was called with,
    constants included; `order` names the inputs as their gradients are returned, where that is said.
    """
    if gradients is None:
        return UNFIT
    found = list(entries_of(gradients, names))
    if order:
        return _in_order(found, leaves, order)
    if not isinstance(gradients, (tuple, list)):
        return _at_once(gradients, found, leaves)
    grouped = [_within_argument(name, leaves) for name in arguments]
    placed = _by_position(gradients, grouped) or _one_after_another(found, leaves)
    chosen = _in_their_own_order(found, leaves, placed) or placed
    return chosen if chosen.fits else _of_all_but_masks(found, leaves) or chosen


def _of_all_but_masks(found: Sequence[Entry], leaves: Sequence[Leaf]) -> Matching | None:
    """`return dq, dk, dv` for q, k, v, mask: gradients called by the inputs but a mask and single numbers."""
    called = _by_name(found, leaves)
    rest = _open(leaves, called.paths, "floats")
    whole = len(called.paths) == len(found) and all(map(_needs_none, rest))
    return replace(called, partly=True) if whole and called.fits else None


def _needs_none(leaf: Leaf) -> bool:
    """Whether nobody expects a gradient of an input: of a mask, edges or classes, of a number no model learns."""
    kinds = set(np.unique(leaf.value[np.abs(leaf.value) < FAR_OUT]).tolist())
    if leaf.value.ndim == 0 or is_parameter(leaf.name):
        return not is_parameter(leaf.name)
    # What is called a mask may be all ones; one that is added is 0 where something counts and far out elsewhere.
    return kinds == {0.0, 1.0} or (bool(MASK.match(leaf.name)) and kinds <= {0.0, 1.0})


FAR_OUT = 1e3
"""What is added to a score where nothing counts is larger: −1e9, −1e4, −∞."""


def _in_their_own_order(
    found: Sequence[Entry], leaves: Sequence[Leaf], placed: Matching
) -> Matching | None:
    """`return dW, db, dx` for x, W, b: gradients called by all the inputs, of whose shapes more fit so."""
    called = _by_name(found, leaves)
    of_all = len(called.paths) == len(found) == len(list(filter(attrgetter("floats"), leaves)))
    fit = partial(_fitting, found=found, leaves=leaves)
    return called if of_all and fit(called) > fit(placed) else None


def _fitting(matching: Matching, found: Sequence[Entry], leaves: Sequence[Leaf]) -> int:
    """How many leaves have a gradient of their shape."""
    shapes = {entry.path: entry.shape for entry in found}
    known = ((shapes.get(matching.paths.get(leaf.path, ())), leaf.value.shape) for leaf in leaves)
    return sum(back == shape for back, shape in known)


def _within_argument(name: str, leaves: Sequence[Leaf]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf.path[0] == name]


def _at_once(gradients: Any, found: Sequence[Entry], leaves: Sequence[Leaf]) -> Matching:
    """By name out of a dict; of anything else one for each array, in order."""
    if isinstance(gradients, dict):
        return _by_name(found, leaves)
    return one_each(found, list(filter(attrgetter("needs_one"), leaves)))


def _in_order(found: Sequence[Entry], leaves: Sequence[Leaf], order: Sequence[str]) -> Matching:
    """Each gradient to the input that was said to be the next; "None" for one that there is none of."""
    known = {leaf.name: leaf.path for leaf in leaves}
    _must_fit(order, known, len(found))
    pairs = zip(order, found, strict=False)
    return Matching({known[name]: entry.path for name, entry in pairs if name in known})


def _must_fit(order: Sequence[str], known: Mapping[str, Path], returned: int) -> None:
    """Raise TypeError for a name that no input has, and for more or fewer than there are; none is a finding."""
    unknown = set(order) - known.keys() - {"None"}
    if unknown:
        names = ", ".join(known) or "none"
        raise TypeError(f"gradients= names {min(unknown)!r}; the inputs are {names}")
    if returned not in (0, len(order)):
        raise TypeError(
            f"gradients= names {len(order)} ({', '.join(order)}), the backward pass returns {returned}"
        )


def _by_position(gradients: Sequence[Any], arguments: Sequence[list[Leaf]]) -> Matching | None:
    """One gradient for each argument, for each that holds floats, or for each that is an array itself."""
    chosen = next(filter(partial(_fit, gradients), _ways(arguments)), None)
    if chosen is None:
        return None
    return reduce(or_, map(_within, gradients, chosen, count()), Matching({}))


def _ways(arguments: Sequence[list[Leaf]]) -> Iterator[Sequence[list[Leaf]]]:
    """Which arguments have a gradient: all, those with floats, with arrays of floats, or that are one."""
    yield arguments
    for has in ("floats", "needs_one", "stands_alone"):
        yield [mine for mine in arguments if any(map(attrgetter(has), mine))]


def _fit(gradients: Sequence[Any], arguments: Sequence[list[Leaf]]) -> bool:
    return len(gradients) == len(arguments) and all(map(_may_be, gradients, arguments))


def _may_be(gradient: Any, mine: list[Leaf]) -> bool:
    """Whether an argument and what is returned for it are both an array, or both a tree."""
    return gradient is None or any(is_number(gradient) == leaf.is_argument for leaf in mine)


def _within(gradient: Any, mine: list[Leaf], position: int) -> Matching:
    """The gradients within one argument: a tree like it, under names, or one for each array in order."""
    if gradient is None:
        return Matching({})
    if all(is_number(at(gradient, leaf.path[1:])) for leaf in mine):
        return Matching({leaf.path: (position, *leaf.path[1:]) for leaf in mine})
    return _at_once(gradient, list(entries_of(gradient, {}, (position,))), mine)


def one_each(found: Sequence[Entry], leaves: Sequence[Leaf]) -> Matching:
    """One gradient for each leaf, in order."""
    if len(found) != len(leaves):
        return UNFIT
    return Matching({leaf.path: entry.path for leaf, entry in zip(leaves, found, strict=True)})


def _one_after_another(found: Sequence[Entry], leaves: Sequence[Leaf]) -> Matching:
    """The gradients laid flat beside the inputs laid flat; those with a name of their own by name."""
    has_a_name = attrgetter("has_a_word")
    keyed, rest = list(filter(has_a_name, found)), list(filterfalse(has_a_name, found))
    if not keyed:
        return one_each(found, _open(leaves, {}, "needs_one"))
    by_name = _by_name(keyed, leaves)
    # Beside a dict of gradients, what has no name belongs to an argument that is an array.
    others = one_each(rest, _open(leaves, by_name.paths, "stands_alone"))
    return by_name | others if others.fits else others


def _by_name(found: Sequence[Entry], leaves: Sequence[Leaf]) -> Matching:
    """Each gradient to the leaf that its name is a gradient's name of."""
    mine = named(found, leaves)
    names = {leaf.path: leaf.name for leaf in leaves}
    said = ((entry.name, names[path]) for path, entry in mine.items())
    return Matching(paths_of(mine), tuple(said), fits=bool(mine))


def paths_of(found: Mapping[Path, Entry]) -> dict[Path, Path]:
    """For each leaf where its gradient is."""
    return {leaf: entry.path for leaf, entry in found.items()}


def _open(leaves: Sequence[Leaf], found: Mapping[Path, Any], kind: str) -> list[Leaf]:
    """The leaves of a kind that a gradient without a name may belong to."""
    return [leaf for leaf in leaves if leaf.path not in found and attrgetter(kind)(leaf)]


def name_by_name(
    entries: Sequence[Entry],
    inputs: Sequence[Leaf],
    parameters: Sequence[Leaf],
    order: Sequence[str] = (),
    *,
    guess_beside: bool = True,
    whole: bool = False,
) -> dict[Path, Path]:
    """For inputs and parameters the gradient that is called so; what has no such name goes by order and shape.

    `order` says whose gradients they are, one after another; `guess_beside` whether what has no name is a
    gradient also beside others that have one; `whole` that they are those of a whole model's loss, which
    nobody goes further back from: its parameters' rather than its data's.
    """
    leaves = (*inputs, *parameters)
    if order:
        return _in_order(entries, leaves, order).paths
    called = paths_of(named(entries, leaves)) or numbered(entries, leaves)
    found = _of_a_prediction(called, entries, inputs)
    found = _beside(found, entries, leaves) | found
    if found and not guess_beside:
        return _in_their_places(found, entries, inputs) | found
    unnamed = [entry for entry in _left(entries, found) if not entry.has_a_word]
    theirs, mine = _takers(unnamed, inputs, found), _open(parameters, found, "hard")
    return found | _guessed(unnamed, theirs, mine, whole=whole)


def _takers(
    entries: Sequence[Entry], inputs: Sequence[Leaf], found: Mapping[Path, Path]
) -> list[Leaf]:
    """The inputs that gradients without a name may belong to: numbers too where a tuple has one for each."""
    every = _open(inputs, found, "floats")
    whole = _lie_together(entries) and _are_shaped_as(entries, every)
    return every if whole else _open(inputs, found, "hard")


def _lie_together(entries: Sequence[Entry]) -> bool:
    """Whether gradients lie in one tuple, or list, of their own."""
    return len({entry.path[:-1] for entry in entries} - {()}) == 1


def _left(entries: Sequence[Entry], found: Mapping[Path, Path]) -> list[Entry]:
    """The gradients that belong to no leaf yet."""
    taken = set(found.values())
    return [entry for entry in entries if entry.value is not None and entry.path not in taken]


def _beside(
    found: Mapping[Path, Path], entries: Sequence[Entry], leaves: Sequence[Leaf]
) -> dict[Path, Path]:
    """The other items of lists of which one is a list's gradient: of any shape, in their places."""
    lists = {leaf[:-1]: path[:-1] for leaf, path in found.items() if leaf[-1:] == path[-1:]}
    nowhere = (None,)
    free = {(entry.path[:-1], entry.path[-1:]): entry.path for entry in _left(entries, found)}
    places = {x.path: free.get((lists.get(x.path[:-1], nowhere), x.path[-1:])) for x in leaves}
    return {leaf: place for leaf, place in places.items() if place is not None}


def _in_their_places(
    found: Mapping[Path, Path], entries: Sequence[Entry], inputs: Sequence[Leaf]
) -> dict[Path, Path]:
    """Beside those called so the others, one for each input, in order and of its shape, all called as gradients.

    In a tuple of their own they may be called anything. Behind the last input, or among them, may be targets.
    """
    mine = list(filter(attrgetter("hard"), inputs))
    ways = (mine, list(filterfalse(is_compared, mine)), mine[: len(entries)])
    laid = (one_each(entries, way).paths for way in filter(partial(_are_shaped_as, entries), ways))
    sure = _lie_together(entries) or _are_called_gradients(entries)
    return next((one for one in laid if sure and found.items() <= one.items()), {})


def _are_called_gradients(entries: Sequence[Entry]) -> bool:
    """Whether each is called as a gradient of something is."""
    return all(map(undressed, map(attrgetter("name"), entries)))


def _guessed(
    entries: Sequence[Entry], inputs: Sequence[Leaf], parameters: list[Leaf], *, whole: bool
) -> dict[Path, Path]:
    """Gradients without a name: the inputs' in order, then the parameters' by shape; of a model its own first.

    So too where each is a parameter's by its shape, one after another, and the first is no input's.
    """
    apart = _are_shaped_as(entries, parameters) and not _are_shaped_as(entries[:1], inputs[:1])
    trained = _laid(entries, parameters) if whole or apart else {}
    if len(trained) == len(entries):
        return paths_of(trained)
    laid = _laid(entries, _likely(entries, inputs), of_any_shape=True)
    rest = [entry for entry in entries if entry not in laid.values()]
    return paths_of(laid) | paths_of(_laid(rest, parameters))


def _likely(entries: Sequence[Entry], inputs: Sequence[Leaf]) -> Sequence[Leaf]:
    """The inputs in the order in which gradients are given to them: masks and labels last, if not one for each."""
    if _are_shaped_as(entries, inputs):
        return inputs
    return sorted(inputs, key=is_compared if len(entries) < len(inputs) else _is_mask)


def _are_shaped_as(entries: Sequence[Entry], leaves: Sequence[Leaf]) -> bool:
    """Whether there is one gradient for each leaf, in order and of its shape: a bias of zeros is no mask then."""
    return [one.shape for one in entries] == [leaf.value.shape for leaf in leaves]


def _is_mask(leaf: Leaf) -> bool:
    """Whether an input is a mask or a label in floats: it is given no gradient while there is something else."""
    return bool(np.isin(leaf.value, (0, 1)).all())


def is_compared(leaf: Leaf) -> int:
    """How likely an input has no gradient, where there are fewer: the target of a loss, or a mask."""
    return max(likeness_to_a_target(leaf.name), int(_is_mask(leaf)))


def _of_a_prediction(
    found: dict[Path, Path], entries: Sequence[Entry], inputs: Sequence[Leaf]
) -> dict[Path, Path]:
    """A lone gradient is a prediction's, though it is called `dy` as one of the target would be."""
    mine = {leaf.path: leaf for leaf in inputs}
    target = mine.get(only(list(found)) or ())
    if target is None or len(entries) > 1:
        return found
    alike = [leaf for leaf in inputs if leaf.hard and leaf.value.shape == target.value.shape]
    likely = min(alike, key=lambda leaf: likeness_to_a_target(leaf.name), default=target)
    less = likeness_to_a_target(likely.name) < likeness_to_a_target(target.name)
    return {likely.path: found[target.path]} if less else found


def _laid(
    entries: Sequence[Entry], leaves: Sequence[Leaf], *, of_any_shape: bool = False
) -> dict[Path, Entry]:
    """Each entry given to the first leaf of its shape that is left, or, where any will do, to the first."""
    laid: dict[Path, Entry] = {}
    left = list(leaves)
    for entry in entries:
        leaf = min(left, key=lambda leaf: leaf.value.shape != entry.shape, default=None)
        if leaf is not None and (of_any_shape or leaf.value.shape == entry.shape):
            laid[leaf.path] = entry
            left.remove(leaf)
    return laid
