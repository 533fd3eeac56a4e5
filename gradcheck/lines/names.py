"""Which names belong together: the gradient of `xhat` is called `dxhat`, `grad_xhat`, `dL_dxhat`, `xhat_error`."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from gradcheck.lines.statements import key_of

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

LOSS = r"(?:L|l|loss|Loss|J|E|C|cost|Cost|err)"
"""What people call the quantity that is differentiated."""
DRESSES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"d_?{LOSS}_?d_?(.+)",
        r"(?:grads?|gradients?|delta|error|nabla|Delta|ct|[gG])_(.+)",
        r"[dD]_(.+)",
        r"[dD](.+)",
        r"(?:grads?|delta)([A-Z].*)",
        r"(.+)_(?:grads?|gradients?|errors?|deltas?)$",
    )
)
"""How a gradient is named after a value: what is put before its name, and what behind it."""
HELD = re.compile(
    r"(?:^|[._])(?:d|grads?|gradients?|dparams|derivatives)(?:\.|\[\")([^.\"]+)(?:\"\])?$"
)
"""What an object or a dictionary of gradients holds: W of self.grads["W"]."""


def undressed(name: str) -> list[str]:
    """What a gradient's name may be the gradient of, the longest beginning taken off first.

    Of what a dictionary of gradients holds, the name itself is one: `grads["W"]` belongs to W.
    """
    found = [m[1] for pattern in DRESSES if (m := pattern.match(key_of(name)))]
    return [*found, *HELD.findall(name)]


def counterparts(name: str, known: Iterable[str]) -> list[str]:
    """The names among those known that a gradient's name speaks of; exact ones alone if there are any."""
    values, by_key = undressed(name), grouped(known, key_of)
    exact = (by_key.get(one) or by_key.get(f"{one}s") for one in values)
    return next(filter(None, chain(exact, _alike(values, by_key))), [])


def _alike(values: Iterable[str], by_key: dict[str, list[str]]) -> Iterator[list[str]]:
    """The names that differ in capitals and underscores only, where no two known ones do."""
    plain = grouped(by_key, _plain)
    alike = (plain.get(_plain(one), ()) for one in values)
    return (by_key[keys[0]] for keys in alike if len(keys) == 1)


def grouped(several: Iterable[T], by: Callable[[T], K]) -> dict[K, list[T]]:
    """What has the same key together, in order."""
    found: dict[K, list[T]] = {}
    for one in several:
        found.setdefault(by(one), []).append(one)
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
