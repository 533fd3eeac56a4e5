"""Digests of arrays, options, functions and objects, the same in another process where these are the same.

A function is more than its name: what it has closed over, its defaults, its object and what it calls decide
what it returns. An object is what it could be made again from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gradcheck.sources import is_elsewhere

Around = tuple[int, ...]
"""What a value lies in, from the outside in: what holds itself is not followed again."""


def digest_of(value: Any) -> str:
    """A digest of a value, and of all that it holds."""
    return _digest(_pieces(value, ()))


def digest_of_files(files: Iterable[Path]) -> str:
    """A digest of what files hold, in the order of their names."""
    return _digest(file.read_bytes() for file in sorted(files))


def _digest(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(hashlib.sha256(piece).digest())
    return found.hexdigest()


def _pieces(value: Any, around: Around) -> Iterator[bytes]:
    """A value as bytes that are the same in another process."""
    if id(value) in around:
        yield f"itself, {len(around) - around.index(id(value))} up".encode()
        return
    for kind, pieces in KINDS:
        if isinstance(value, kind):
            yield from pieces(value, (*around, id(value)))
            return
    yield from _object(value, (*around, id(value)))


def _items(values: Sequence[Any], around: Around) -> Iterator[bytes]:
    yield f"{len(values)} items".encode()
    for value in values:
        yield from _pieces(value, around)


def _mapping(value: Mapping[Any, Any], around: Around) -> Iterator[bytes]:
    yield from _items([part for item in value.items() for part in item], around)


def _set(value: AbstractSet[Any], around: Around) -> Iterator[bytes]:
    """In an order of its own: that of a set is another in each process."""
    yield from sorted(_digest(_pieces(item, around)).encode() for item in value)


def _array(value: Any, around: Around) -> Iterator[bytes]:
    yield f"{value.dtype} {value.shape}".encode()
    if value.dtype.hasobject:
        yield from _items(value.ravel().tolist(), around)
    else:
        yield value.tobytes()


def _partial(value: partial[Any], around: Around) -> Iterator[bytes]:
    yield from _items([value.func, value.args, value.keywords], around)


def _method(value: MethodType, around: Around) -> Iterator[bytes]:
    yield from _items([value.__func__, value.__self__], around)


def _code(value: CodeType, around: Around) -> Iterator[bytes]:
    """What it does, not where it stands: a comment changes the file, which is told elsewhere."""
    yield value.co_code
    yield from _items([value.co_consts, value.co_names, value.co_varnames], around)


def _function(value: FunctionType, around: Around) -> Iterator[bytes]:
    yield from _named(value, around)
    # What is installed has a version, and is as its name says.
    if not is_elsewhere(Path(value.__code__.co_filename)):
        defaults = (value.__defaults__, value.__kwdefaults__)
        yield from _items(
            [value.__code__, *defaults, *_closed_over(value), *_global(value)], around
        )


def _closed_over(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # Nothing yet: it is assigned later.
            yield None


GLOBAL = (FunctionType, np.ndarray, float, int, str)
"""What of a module's names a function depends on, whichever way it came to be there; lists and dicts are
where modules count and keep, and what they hold says as much of the past as of what will be returned."""


def _global(function: FunctionType) -> Iterator[Any]:
    used = (function.__globals__.get(name) for name in _names(function.__code__))
    yield from (value for value in used if isinstance(value, GLOBAL))


def _names(code: CodeType) -> Iterator[str]:
    """The names in a function and in those that are written within it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _named(value: Any, around: Around) -> Iterator[bytes]:
    yield f"{value.__module__}.{value.__qualname__}".encode()


def _module(value: ModuleType, around: Around) -> Iterator[bytes]:
    yield value.__name__.encode()


def _written(value: Any, around: Around) -> Iterator[bytes]:
    """As Python writes it, but for addresses, which are others in each process."""
    yield re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)).encode()


def _object(value: Any, around: Around) -> Iterator[bytes]:
    """What an object could be made again from: its class and its state."""
    try:
        made = value.__reduce_ex__(4)
    except Exception:
        made = None
    if not isinstance(made, tuple):
        yield from _written(value, around)
        return
    # Items of lists and dicts come as iterators.
    yield from _items([list(x) if isinstance(x, Iterator) else x for x in made], around)


KINDS: tuple[tuple[Any, Callable[[Any, Around], Iterator[bytes]]], ...] = (
    ((str, bytes, int, float, complex, type(None)), _written),
    ((np.ndarray, np.generic), _array),
    (Mapping, _mapping),
    ((list, tuple), _items),
    (AbstractSet, _set),
    (partial, _partial),
    (FunctionType, _function),
    (MethodType, _method),
    (CodeType, _code),
    (ModuleType, _module),
    (type, _named),
)
"""How each kind of value is taken apart; anything else is an object."""
