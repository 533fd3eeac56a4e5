"""The arrays inside an object: found through attributes, dicts, lists and sub-layers, moved in a fresh copy."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from gradcheck.forms.names import is_of
from gradcheck.layer import Function, Misuse
from gradcheck.trees import (
    Leaf,
    Path,
    children,
    deep_copy,
    is_array_or_float,
    is_float,
    spelled,
)

GRADIENTS = (
    *("grads", "grad", "gradients", "gradient", "dparams"),
    *("d_params", "param_grads", "derivatives"),
)
HOLDERS = ("data", "value", "val", "array", "tensor")
WEIGHTS = ("weight", "weights", "W", "w")
HELD = ("grad", "gradient", "g", "diff", "grads", "deriv", "derivative")
SELF = "self"
DEEPEST = 8
"""Attributes of attributes: a net of blocks of layers of parameters has four."""


@dataclass(frozen=True, eq=False)
class Held:
    """An array in an object, under each of the paths that lead to it."""

    value: Any
    paths: tuple[Path, ...]

    @cached_property
    def path(self) -> Path:
        """The most telling path: one that ends in a name, the shortest of those."""
        return min(self.paths, key=lambda path: (not isinstance(path[-1], str), len(path)))


def held_in(owner: Any) -> list[Held]:
    """Every array in an object, in the order in which its attributes were made; numbers too."""
    found: dict[int, tuple[Any, list[Path]]] = {}
    numbers: list[Held] = []
    for path, value in _walk(owner, (), frozenset()):
        if isinstance(value, np.ndarray):
            found.setdefault(id(value), (value, []))[1].append(path)
        else:
            numbers.append(Held(value, (path,)))
    return [Held(value, tuple(paths)) for value, paths in found.values()] + numbers


def floats_in(owner: Any) -> list[Held]:
    """Every array of floats in an object, and every number."""
    return [held for held in held_in(owner) if np.asarray(held.value).dtype.kind == "f"]


def _walk(value: Any, path: Path, above: frozenset[int]) -> Iterator[tuple[Path, Any]]:
    if is_array_or_float(value):
        yield path, value
    elif id(value) not in above and len(path) <= DEEPEST:
        for key, inner in [*children(value), *_attributes(value)]:
            yield from _walk(inner, (*path, key), above | {id(value)})


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object of a user's class."""
    if isinstance(value, type) or not _is_users(value):
        return
    own = getattr(value, "__dict__", {})
    yield from own.items()
    filled = filter(partial(hasattr, value), _slots(type(value)))
    yield from ((name, getattr(value, name)) for name in filled)
    yield from ((name, item) for name, item in _arrays_of(type(value)) if name not in own)


def _arrays_of(kind: type) -> Iterator[tuple[str, Any]]:
    """The arrays that a class holds itself, for all of its objects."""
    for base in kind.__mro__:
        yield from [item for item in vars(base).items() if isinstance(item[1], np.ndarray)]


def _is_users(value: Any) -> bool:
    """Whether an object is of a class that neither Python nor NumPy has brought."""
    root = type(value).__module__.partition(".")[0]
    known = root in sys.stdlib_module_names or root == "numpy"
    return isinstance(value, SimpleNamespace) or not known


def _slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def attributes(owner: Any) -> dict[str, Any]:
    """The attributes of an object of a user's class by name."""
    return dict(_attributes(owner))


def reach(owner: Any, path: Path) -> Any:
    """What stands at the end of a path through attributes, keys and positions; None if nothing does."""
    for key in path:
        try:
            owner = owner[key] if isinstance(owner, (dict, list, tuple)) else getattr(owner, key)
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
    return owner


def put(owner: Any, path: Path, value: Any) -> None:
    """Set what stands at the end of a path."""
    holder = reach(owner, path[:-1]) if len(path) > 1 else owner
    if isinstance(holder, (dict, list)):
        holder[path[-1]] = value
    else:
        setattr(holder, path[-1], value)


def copy_of(owner: Any, memo: Mapping[int, Any] | None = None) -> Any:
    """A deep copy of an object; `memo` says what stands for an array, wherever it is held.

    Raises:
        Misuse: if it cannot be copied.
    """
    try:
        return deep_copy(owner, memo or {})
    except Exception as error:
        raise Misuse(
            f"a {type(owner).__name__} cannot be copied ({error}), and every evaluation takes a fresh "
            "one: give its functions to check_pair, or a __deepcopy__ to the class"
        ) from error


class Globals:
    """The globals that a function has its parameters in, as an object that they are attributes of."""

    def __init__(self, function: FunctionType, names: Sequence[str]) -> None:
        self.__dict__ |= {name: function.__globals__[name] for name in names}

    def around(self, function: Any) -> Function:
        """The function with these values for those globals."""
        if isinstance(function, partial):
            return partial(self.around(function.func), *function.args, **function.keywords)
        scope = {**function.__globals__, **vars(self)}
        copied = FunctionType(
            function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
        )
        copied.__kwdefaults__ = function.__kwdefaults__
        return copied


@dataclass(frozen=True, eq=False)
class Owner:
    """The copy of an object that fresh ones are made from, and the arrays in it that can be moved."""

    pristine: Any
    leaves: tuple[Leaf, ...] = ()
    held: tuple[Held, ...] = ()

    @staticmethod
    def of(pristine: Any, held: Sequence[Held], taken: Sequence[str]) -> Owner:
        """An object with some of its arrays, which are given names that no other input has."""
        names = names_in(pristine, [h.path for h in held], taken)
        leaves = (
            Leaf((SELF, *h.path), np.array(h.value), soft=is_float(h.value), label=name)
            for h, name in zip(held, names, strict=True)
        )
        return Owner(pristine, tuple(leaves), tuple(held))

    def fresh(self, values: Sequence[Any]) -> Any:
        """A copy of the object, with these values for its leaves."""
        pairs = list(zip(self.held, values, strict=True))
        owner = copy_of(self.pristine, {id(h.value): v for h, v in pairs if not is_float(h.value)})
        for h, value in pairs:
            # A number is no object of its own to be replaced, and what the class holds is not copied.
            if reach(owner, h.path) is not value:
                put(owner, h.path, value)
        return owner


def gradient_path(held: Held, after: Mapping[Path, Any]) -> Path | None:
    """Where in an object the gradient of one of its arrays is, by the conventions that people follow."""
    ways = ([place for place in after if _belongs(place, path)] for path in held.paths)
    places = next(filter(None, ways), None) or _alone(held, after)
    shape = np.shape(held.value)
    return min(places, key=lambda place: np.shape(after[place]) != shape, default=None)


def _alone(held: Held, after: Mapping[Path, Any]) -> list[Path]:
    """self.grad of self.weight, in a layer that has nothing else to learn: of its shape, or it is another's."""
    mine = [path[:-1] for path in held.paths if path[-1] in WEIGHTS]
    beside = product(mine, GRADIENTS)
    places = filter(after.__contains__, ((*path, name) for path, name in beside))
    return [place for place in places if np.shape(after[place]) == np.shape(held.value)]


def _belongs(gradient: Path, path: Path) -> bool:
    """Whether an array at one path is the gradient of the one at another."""
    return any(way(gradient, path) for way in CONVENTIONS)


def _named(gradient: Any, value: Any) -> bool:
    return isinstance(gradient, str) and isinstance(value, str) and is_of(gradient, value)


def _beside(gradient: Path, path: Path) -> bool:
    """self.W and self.dW, self.params["W"] and self.params["dW"]."""
    return gradient[:-1] == path[:-1] and _named(gradient[-1], path[-1])


def _in_parallel(gradient: Path, path: Path) -> bool:
    """self.params["W"] and self.grads["W"] or self.grads["dW"]; self.params[0] and self.grads[0]."""
    if len(gradient) != len(path):
        return False
    *holders, (mine, its) = zip(gradient, path, strict=True)
    differing = [(one, other) for one, other in holders if one != other]
    holds_them = len(differing) == 1 and _holds_gradients(*differing[0])
    return holds_them and (mine == its or _named(mine, its))


def _holds_gradients(key: Any, beside: Any = "") -> bool:
    return isinstance(key, str) and (key.strip("_").lower() in GRADIENTS or _named(key, beside))


def _in_the_dict_of_gradients(gradient: Path, path: Path) -> bool:
    """self.W and self.grads["W"] or self.grads["dW"]."""
    if len(gradient) != len(path) + 1 or gradient[:-2] != path[:-1]:
        return False
    same = gradient[-1] == path[-1] or _named(gradient[-1], path[-1])
    return _holds_gradients(gradient[-2]) and same


def _held_together(gradient: Path, path: Path) -> bool:
    """self.W.data and self.W.grad."""
    value, beside = str(path[-1]).strip("_"), str(gradient[-1]).strip("_")
    return gradient[:-1] == path[:-1] != () and value in HOLDERS and beside in HELD


CONVENTIONS = (_beside, _in_parallel, _in_the_dict_of_gradients, _held_together)
"""How people keep a gradient near what it is the gradient of."""


def names_in(owner: Any, paths: Sequence[Path], taken: Sequence[str]) -> list[str]:
    """A name for each array: W for self.W and self.params["W"], layers.0.W for one of a sub-layer."""
    names = [_text(_shown(owner, path)) for path in paths]
    return [
        _text(path) if names.count(name) > 1 or name in taken else name
        for path, name in zip(paths, names, strict=True)
    ]


def _shown(owner: Any, path: Path) -> Path:
    match path:
        case (name, str(key)) if isinstance(reach(owner, (name,)), dict):
            return (key,)
        case (_, *_, last) if str(last).strip("_") in HOLDERS:
            return path[:-1]
    return path


def _text(path: Path) -> str:
    return spelled(tuple(str(key).strip("_") or key for key in path))
