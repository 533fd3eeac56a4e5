"""Which names belong together: the gradient of `xhat` is called `dxhat`, `grad_xhat`, `dL_dxhat`, `xhat_error`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gradcheck.lines.statements import key_of

LOSS = r"(?:L|l|loss|Loss|J|E|C|cost|Cost|err)"
"""What people call the quantity that is differentiated."""
AHEAD = tuple(
    re.compile(pattern)
    for pattern in (
        rf"d_?{LOSS}_?d_?",
        r"(?:grads?|gradients?|delta|error|Delta|G)_",
        r"[dD]_",
        r"[dD]",
        r"(?:grads?|delta)(?=[A-Z])",
    )
)
BEHIND = re.compile(r"_(?:grads?|gradients?|errors?|deltas?)$")
HOLDS_GRADIENTS = re.compile(r"(?:^|[._])(?:d|grads?|gradients?|dparams|derivatives)$")


def undressed(name: str) -> list[str]:
    """What a gradient's name may be the gradient of, the longest beginning taken off first.

    Of what a dictionary of gradients holds, the name itself is one: `grads["W"]` belongs to W.
    """
    key = key_of(name)
    found = [key[m.end() :] for pattern in AHEAD if (m := pattern.match(key))]
    found += [BEHIND.sub("", key)] if BEHIND.search(key) else []
    holder = name[: -len(key) - 4] if name.endswith('"]') else name[: -len(key) - 1]
    found += [key] if holder and HOLDS_GRADIENTS.search(holder) else []
    return [one for one in found if one]


def counterparts(name: str, known: Iterable[str]) -> list[str]:
    """The names among those known that a gradient's name speaks of; exact ones alone if there are any."""
    by_key: dict[str, list[str]] = {}
    for one in known:
        by_key.setdefault(key_of(one), []).append(one)
    for stripped in undressed(name):
        for spelling in (stripped, f"{stripped}s"):
            if spelling in by_key:
                return by_key[spelling]
    return next(_spelled_alike(undressed(name), by_key), [])


def _spelled_alike(wanted: Iterable[str], by_key: dict[str, list[str]]) -> Iterator[list[str]]:
    """Names that differ in capitals and underscores only, where no two known ones do."""
    plain: dict[str, list[str]] = {}
    for key in by_key:
        plain.setdefault(_plain(key), []).append(key)
    for one in wanted:
        keys = plain.get(_plain(one), [])
        if len(keys) == 1:
            yield by_key[keys[0]]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
