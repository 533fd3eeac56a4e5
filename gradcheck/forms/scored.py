"""A model whose way back begins at a loss of its own: `forward(X)`, `loss(prediction, y)`, `backward(X, y)`.

What is differentiated then is `loss(forward(X), y)`, and the target is an input beside those of the forward pass.
The three are methods of an object, or functions of one module.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from inspect import BoundArguments, Parameter, Signature
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradcheck.forms.names import (
    is_cache,
    is_rate,
    is_target,
    is_upstream,
    likeness_to_a_target,
    needs,
    takes,
)
from gradcheck.layer import Function
from gradcheck.trees import only

COST = re.compile(
    r"^_?((compute|calc(ulate)?|get|evaluate)_?)?"
    r"(\w*loss|\w*cost|\w*entropy|objective|error|mse|bce|nll)(_?(function|func|fn|value|with_\w+))?$",
    re.IGNORECASE,
)
"""What people call the function that says how far a prediction is from a target."""
PREDICTION = ""
"""Stands for the prediction among the names of what a loss takes."""
BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Score:
    """The loss of what a forward pass returns, and what the way back calls what goes into it.

    Args:
        name: the loss's.
        loss: the function; one of any object, as methods are.
        taken: the names of what it takes, in order.
        target: what a prediction is compared with, as the backward pass calls it.
        handed: what the backward pass calls the prediction, if it is handed it.
        added: what is given beside the inputs of the forward pass: the target, the weight of a penalty.
    """

    name: str
    loss: Function
    taken: tuple[str, ...]
    target: str
    handed: str
    added: tuple[str, ...]

    def signature(self, forward: Function) -> Signature:
        """That of a forward pass, with what is added behind what it needs."""
        own = inspect.signature(forward)
        needed = [p for p in own.parameters.values() if p.default is p.empty and p.kind in BY_PLACE]
        added = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in self.added]
        rest = list(own.parameters.values())[len(needed) :]
        return own.replace(parameters=[*needed, *added, *rest])

    def of_forward(self, given: BoundArguments) -> BoundArguments:
        """What the forward pass itself is called with."""
        mine = [p for n, p in given.signature.parameters.items() if n not in self.added]
        inner = given.arguments.copy()
        for name in self.added:
            inner.pop(name)
        return BoundArguments(given.signature.replace(parameters=mine), inner)

    def of_loss(self, prediction: Any, given: Mapping[str, Any]) -> list[Any]:
        """What the loss is called with."""
        return [{**given, PREDICTION: prediction}[name] for name in self.taken]

    def number(self, loss: Any) -> Any:
        """A loss as the single number that it is; of a product of rows and columns it comes in brackets, [[0.69]].

        Raises:
            TypeError: if it is an array of several.
        """
        if np.size(loss) != 1:
            shape = np.shape(loss)
            raise TypeError(
                f"{self.name} returns an array of shape {shape}; a loss is a single number"
            )
        return np.reshape(loss, ())[()]


def called(forward: Function, score: Score | None) -> Function:
    """A forward pass that takes what it is given here: beside its inputs what its score takes."""
    if score is None:
        return forward
    whole = update_wrapper(partial(forward), forward)
    whole.__signature__ = score.signature(forward)  # type: ignore[attr-defined]
    return whole


def scores_of(owner: Any, forward: Function, backward: Function) -> list[Score]:
    """How a model may be scored: by a loss among the attributes of an object, a class or a namespace.

    By none if its backward pass takes no target, its forward pass takes one, or there is no such loss. Of several
    those that take most of what the way back takes, the weight of a penalty say; of those that take the same all.
    """
    inputs, beyond = set(takes(forward)), needed_of(backward)
    target = only(list(filter(_is_compared_with, set(beyond) - inputs)))
    if target is None or any(map(is_target, inputs)):
        return []
    losses = filter(COST.match, sorted(dir(owner), key=len))
    scores = (_score(name, getattr(owner, name), target, inputs, beyond) for name in losses)
    several = sorted(filter(None, scores), key=lambda one: -len(one.taken))
    return [one for one in several if one.added == several[0].added]


def score_of(owner: Any, forward: Function, backward: Function) -> Score | None:
    """The likeliest loss that a model may be scored by; None where there is none."""
    return next(iter(scores_of(owner, forward, backward)), None)


def _is_compared_with(name: str) -> bool:
    return is_target(name) and not is_upstream(name)


def needed_of(function: Function) -> list[str]:
    """What a function needs, or a method beside its object."""
    return [name for name in needs(function) if name != "self"]


def _score(
    name: str, loss: Any, target: str, inputs: set[str], beyond: Sequence[str]
) -> Score | None:
    """A loss that takes a target, a prediction, and beside them only what the passes take too."""
    needed = needed_of(loss) if callable(loss) else []
    mine = target if target in needed else max(needed, key=likeness_to_a_target, default="")
    prediction, *more = _without(needed, {mine, *inputs}) or ["", ""]
    if not is_target(mine) or not {*more} <= {*beyond}:
        return None
    called = {mine: target, prediction: PREDICTION}
    taken = tuple(called.get(one, one) for one in needed)
    added = _without(taken, {PREDICTION, *inputs})
    handed = _without(filter(_may_be_a_prediction, beyond), {*added, *inputs})
    return Score(name, loss, taken, target, "".join(handed[:1]), tuple(added))


def _without(names: Iterable[str], known: set[str]) -> list[str]:
    return [name for name in names if name not in known]


def _may_be_a_prediction(name: str) -> bool:
    return not (is_cache(name) or is_rate(name))


def beside(function: Function) -> SimpleNamespace:
    """What stands beside a function in its own module, and is not imported there."""
    room, module = getattr(function, "__globals__", {}), getattr(function, "__module__", None)
    own = {n: f for n, f in room.items() if getattr(f, "__module__", None) == module}
    return SimpleNamespace(**own)
