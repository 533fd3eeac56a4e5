"""An optimizer that a backward pass hands its gradients to: in its place plain steps of a known length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partialmethod
from typing import Any

import numpy as np

from gradcheck.forms.state import DEEPEST, attributes, put
from gradcheck.result import Array
from gradcheck.trees import Path, children

CALLED = re.compile(r"(^|_)opt(im(i[sz]ers?)?)?(_|$)", re.IGNORECASE)
"""How an optimizer is called where it is kept: optimizer, W_opt, optim_b."""

STEPS = ("update", "step", "calculate_update", "apply", "apply_gradient", "get_update", "__call__")
"""What people call the method that takes a parameter and its gradient."""


class Steps:
    """In place of an optimizer: p − rate·g for whatever method is called with a parameter and its gradient.

    In place or returned, as the real one has it; returned where there is none.
    """

    def __init__(self, rate: float, real: Any = None) -> None:
        self.rate, self.real = rate, real

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self).get("real"), name)

    def _step(self, *args: Any, method: str, **words: Any) -> Any:
        parameter, gradient = _pair_in((*args, *words.values()))
        result, moves = _tried(getattr(self.real, method, _returns), args, words)
        if not moves:
            return parameter - self.rate * gradient
        parameter -= self.rate * gradient
        return None if result is None else parameter


for step in STEPS:
    setattr(Steps, step, partialmethod(Steps._step, method=step))


def _returns(*_: Any, **__: Any) -> None:
    """The step of no optimizer."""


def _pair_in(values: Sequence[Any]) -> Sequence[Array]:
    """The parameter and the gradient among what a step is called with: the first two arrays."""
    return [x for x in values if isinstance(x, np.ndarray)][:2]


def _tried(real: Callable[..., Any], args: Any, words: Mapping[str, Any]) -> tuple[Any, bool]:
    """What the real step returns, and whether it changes the parameter in place; tried on copies."""
    with suppress(Exception):
        mine, there, named = deepcopy((real, args, dict(words)))
        result = mine(*there, **named)
        before, after = _pair_in((*args, *words.values())), _pair_in((*there, *named.values()))
        return result, not np.array_equal(before[0], after[0])
    return None, False


def put_in_place(owner: Any, rate: float) -> bool:
    """Let plain steps of this length take the place of every optimizer in an object; whether there was one."""
    found = list(_optimizers(owner, (), frozenset()))
    for path, optimizer in found:
        put(owner, path, Steps(rate, getattr(optimizer, "real", optimizer)))
    return bool(found)


def _optimizers(value: Any, path: Path, above: frozenset[int]) -> Iterator[tuple[Path, Any]]:
    if id(value) in above or len(path) > DEEPEST:
        return
    for key, inner in (*children(value), *attributes(value).items()):
        if CALLED.search(str(key)) and _takes_steps(inner):
            yield (*path, key), inner
        else:
            yield from _optimizers(inner, (*path, key), above | {id(value)})


def _takes_steps(value: Any) -> bool:
    """Whether an object has a method that takes steps, and none that goes forward: a layer has both."""
    has = [callable(getattr(value, name, None)) for name in STEPS]
    return isinstance(value, Steps) or (any(has) and not hasattr(value, "forward"))
