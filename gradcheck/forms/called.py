"""Which gradient belongs to which input by what it is called: dW, grads["W"] or grads["layer"]["dW"] to W."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.forms.names import is_of, undressed
from gradcheck.trees import Leaf, Path, children, only


@dataclass(frozen=True, eq=False)
class Entry:
    """A gradient in what a backward pass returned: the way to it, its value, None included, and its name."""

    path: Path
    value: Any
    name: str

    @property
    def has_a_word(self) -> bool:
        """Whether its path goes through a key of a dict, which says what is meant."""
        return any(isinstance(key, str) for key in self.path)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return np.shape(self.value)

    def ends(self) -> list[Path]:
        """The ends of its path that may name it, the longest first; a position alone names nothing."""
        if not self.has_a_word:
            return [(self.name,)]
        last = max(k for k, key in enumerate(self.path) if isinstance(key, str))
        return [self.path[k:] for k in range(last + 1)]


def entries_of(value: Any, names: Mapping[Path, str], path: Path = ()) -> Iterator[Entry]:
    """Every number, array and None in a tree of gradients; `names` are those of the return statement."""
    inner = list(children(value))
    for key, item in inner:
        yield from entries_of(item, names, (*path, key))
    if not inner and (value is None or is_number(value)):
        yield Entry(path, value, _name_at(path, names))


def _name_at(path: Path, names: Mapping[Path, str]) -> str:
    """The last word on the way, or what the return statement says, or the position."""
    return _last_word(path) or str(names.get(path, path[-1] if path else ""))


def is_number(value: Any) -> bool:
    """Whether a value can be a gradient: an array or a number."""
    return isinstance(value, (np.ndarray, np.generic, float, int)) and not isinstance(value, bool)


def named(entries: Sequence[Entry], leaves: Sequence[Leaf]) -> dict[Path, Entry]:
    """For each leaf, by its path, the first gradient that is called so."""
    found: dict[Path, Entry] = {}
    for entry in entries:
        leaf = None if entry.value is None else _leaf_of(entry, leaves)
        if leaf is not None:
            found.setdefault(leaf.path, entry)
    return found


def _leaf_of(entry: Entry, leaves: Sequence[Leaf]) -> Leaf | None:
    """The leaf that a gradient belongs to by its name; None if none does, or several do."""
    ways = ((end, fold) for fold in (str, str.lower) for end in entry.ends())
    found = (_only(leaves, end, fold, entry.shape) for end, fold in ways)
    return next(filter(None, found), None)


def _only(
    leaves: Sequence[Leaf], end: Path, fold: Callable[[Any], str], shape: tuple[int, ...]
) -> Leaf | None:
    """The one leaf whose path ends so; of several the one of this shape."""
    mine = [leaf for leaf in leaves if _same_end(end, leaf.path, fold)]
    return only(mine) or only([leaf for leaf in mine if leaf.value.shape == shape])


def _same_end(end: Path, path: Path, fold: Callable[[Any], str]) -> bool:
    """Whether a path ends as a gradient's does, with the dress of a gradient taken off."""

    def is_called(dressed: Any, key: Any) -> bool:
        return fold(str(key)) in map(fold, (str(dressed), *undressed(str(dressed))))

    return len(end) <= len(path) and all(map(is_called, end, path[-len(end) :]))


NUMBER = re.compile(r"(.*?)_?(\d+)")
"""A gradient's name and the number of its layer: W0, dW_12."""


def numbered(entries: Sequence[Entry], leaves: Sequence[Leaf]) -> dict[Path, Path]:
    """`{"W0": …, "W1": …}` of layers in a list: of one name one for each layer that has it, by number."""
    found: dict[Path, Path] = {}
    for name, mine in _by_their_numbers(entries).items():
        theirs = [leaf for leaf in leaves if _is_of_a_layer(leaf.path, name)]
        if len(mine) == len(theirs):
            found |= {leaf.path: mine[k] for leaf, k in zip(theirs, sorted(mine), strict=True)}
    return found


def _by_their_numbers(entries: Sequence[Entry]) -> dict[str, dict[int, Path]]:
    """For each name that is followed by a number the ways to its gradients, by that number."""
    several: dict[str, dict[int, Path]] = defaultdict(dict)
    for entry in entries:
        parts = NUMBER.fullmatch(entry.name) if entry.has_a_word else None
        if parts is not None and entry.value is not None:
            several[parts[1]][int(parts[2])] = entry.path
    return several


def _is_of_a_layer(path: Path, name: str) -> bool:
    """Whether a way leads through a list to something of this name, or one that a gradient of this name is of."""
    last = _last_word(path)
    in_a_list = any(isinstance(key, int) for key in path)
    return in_a_list and (last == name or is_of(name, last) or is_of(f"d{name}", last))


def _last_word(path: Path) -> str:
    """The last name on a way."""
    return next((key for key in reversed(path) if isinstance(key, str)), "")
