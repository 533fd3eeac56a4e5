"""A model whose way back begins at a loss of its own: `forward(X)`, `loss(prediction, y)`, `backward(X, y)`.

What is differentiated then is `loss(forward(X), y)`, and the target is an input beside those of the forward pass.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, KeysView, Sequence
from dataclasses import dataclass
from inspect import BoundArguments, Parameter, Signature
from typing import Any

from gradcheck.forms.names import (
    is_cache,
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
    r"(\w*loss|\w*cost|\w*entropy|objective|error|mse|bce|nll)(_?(function|func|fn|value))?$",
    re.IGNORECASE,
)
"""What people call the method that says how far a prediction is from a target."""
RATE = re.compile(r"^(lr|eta|alpha|\w*rate|step\w*)$", re.IGNORECASE)
"""How the length of a step is called, which is no prediction."""


@dataclass(frozen=True)
class Score:
    """The method that scores what a forward pass returns, and what the way back calls what goes into it.

    Args:
        cost: its name.
        target: what the backward pass calls what a prediction is compared with.
        prediction: what it calls the prediction, if it is handed it.
        first: whether the method takes the target first.
    """

    cost: str
    target: str
    prediction: str
    first: bool

    def signature(self, forward: Function) -> Signature:
        """That of a forward pass, with the target behind what it needs."""
        own = inspect.signature(forward)
        parameters = list(own.parameters.values())
        needed = sum(p.default is p.empty and p.kind in BY_PLACE for p in parameters)
        parameters.insert(needed, Parameter(self.target, Parameter.POSITIONAL_OR_KEYWORD))
        return own.replace(parameters=parameters)

    def without_target(self, given: BoundArguments) -> BoundArguments:
        """What the forward pass itself is called with."""
        parameters = [p for n, p in given.signature.parameters.items() if n != self.target]
        own = given.signature.replace(parameters=parameters)
        rest = [(name, value) for name, value in given.arguments.items() if name != self.target]
        return BoundArguments(own, type(given.arguments)(rest))

    def in_order(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        """What the cost is called with."""
        return (target, prediction) if self.first else (prediction, target)


BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def score_of(owner: Any, forward: Function, backward: Function) -> Score | None:
    """How a model is scored, an object or a class: by the one method that takes a prediction and a target.

    None if its backward pass takes no target, or its forward pass takes one, or there is no such method.
    """
    inputs = takes(forward)
    needed = [name for name in needs(backward) if name not in (*inputs, "self")]
    target = only(list(filter(_is_compared_with, needed)))
    if target is None:
        return None
    prediction = next((name for name in needed if not (name == target or _is_known(name))), "")
    scores = _scores(owner, inputs, target)
    return next((Score(name, target, prediction, first) for name, first in scores), None)


def _is_compared_with(name: str) -> bool:
    return is_target(name) and not is_upstream(name)


def _is_known(name: str) -> bool:
    """Whether a parameter of a backward pass is no prediction, by its name."""
    return is_cache(name) or bool(RATE.match(name))


def _scores(owner: Any, inputs: Sequence[str], target: str) -> Iterator[tuple[str, bool]]:
    """The methods that are called as a cost and compare two, one a target, and whether that comes first."""
    for name in sorted(filter(COST.match, dir(owner)), key=len):
        names = _two(getattr(owner, name))
        mine = target if target in names else max(names, key=likeness_to_a_target, default="")
        # Of inputs it is a loss of the whole model, and not of what that returns.
        if is_target(mine) and names.isdisjoint(inputs):
            yield name, next(iter(names)) == mine


def _two(method: Any) -> KeysView[str]:
    """The parameters of a method that needs two, in their order; none of any other."""
    needed = dict.fromkeys(needs(method) if callable(method) else ())
    needed.pop("self", None)
    return (needed if len(needed) == len(("prediction", "target")) else {}).keys()
