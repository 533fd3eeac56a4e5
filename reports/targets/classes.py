"""A class that is to be checked: its two methods, and what they say of how they are used."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from typing import Any

from gradcheck.forms.methods import BACKWARDS, COSTS, FORWARDS
from gradcheck.forms.names import is_cache, is_rate, is_target
from gradcheck.forms.scored import Score, beside, score_of
from gradcheck.layer import Function
from reports.targets.texts import returns_gradients, text_of, tree_of

MORE_THAN_A_GRADIENT = 2
"""Parameters of a backward pass beyond which it takes inputs: self and an upstream gradient are two."""


def ways(made: type) -> tuple[str, str] | None:
    """The names of a class's two methods, twice that of one which does both; None if there are none."""
    # A class can be called itself: `getattr(made, "__call__")` says nothing of its objects.
    methods = {n for base in made.__mro__ for n, value in vars(base).items() if callable(value)}
    backward = next((n for n in BACKWARDS if n in methods), None)
    if backward is None:
        # Under whatever name: lossFun, train_step.
        public = sorted(n for n in methods if not n.startswith("_"))
        both = (
            n for n in (*COSTS, *public) if n in methods and returns_gradients(getattr(made, n))
        )
        return next(((n, n) for n in both), None)
    forwards = [*_costs(made, methods, backward), *(n for n in FORWARDS if n in methods)]
    return (forwards[0], backward) if forwards else None


def scored(made: type) -> Score | None:
    """What a model is scored by whose way back begins at a loss of its own, or at one beside its class."""
    to, back = ways(made) or ("", "")
    if not to:
        return None
    forward, backward = getattr(made, to), getattr(made, back)
    return score_of(made, forward, backward) or score_of(beside(backward), forward, backward)


def _costs(made: type, methods: set[str], backward: str) -> list[str]:
    """What backprop(x, y) of a whole network goes back from: cost(x, y), which takes the same."""
    takes = _takes(getattr(made, backward))
    if len(takes) <= MORE_THAN_A_GRADIENT:
        return []
    costs = {n: _takes(getattr(made, n)) for n in COSTS if n in methods}
    same = [n for n, names in costs.items() if names == takes]
    forwards = [getattr(made, n) for n in FORWARDS if n in methods and n not in COSTS]
    if same or any(score_of(made, f, getattr(made, backward)) for f in forwards[:1]):
        return same
    return [n for n, names in costs.items() if _are_alike(names, takes)]


def _are_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two methods take a target in the same places, and something else elsewhere."""
    kinds = list(map(is_target, one))
    return any(kinds) and kinds == list(map(is_target, other))


def _takes(method: Function) -> list[str]:
    return list(inspect.signature(method).parameters)


def is_operation(made: Any) -> bool:
    """Whether a class holds two static methods that share a context: forward(ctx, a), backward(ctx, grad)."""
    pair = [vars(made).get(way) for way in ("forward", "backward")]
    return all(isinstance(one, staticmethod) and _takes_context(one) for one in pair)


def _takes_context(method: Any) -> bool:
    return is_cache(next(iter(_takes(method)), ""))


class Context:
    """What an operation's two static methods are handed: attributes, and what is saved for the way back."""

    def save_for_backward(self, *values: Any) -> None:
        """Keep values under each of the names that they are asked for by."""
        self.saved = self.saved_tensors = self.saved_values = values


def is_bare(value: Any) -> bool:
    """Whether a class is there to be derived from: its ways say nothing, or a method that one calls does."""
    names = ways(value) if inspect.isclass(value) else None
    methods = [getattr(value, name) for name in names or ()]
    called = re.findall(r"\bself\.(\w+)\(", "".join(map(text_of, methods)))
    hooks = [
        getattr(value, name) for name in called if inspect.isfunction(getattr(value, name, None))
    ]
    return bool(names) and (all(map(_says_nothing, methods)) or any(map(_only_raises, hooks)))


def _only_raises(function: Function) -> bool:
    """Whether a function is there to be written by those who derive from its class."""
    return _says_nothing(function) and "raise" in text_of(function)


def _says_nothing(function: Function) -> bool:
    """Whether a function's body is a docstring, a pass, an ellipsis or a raise."""
    tree = tree_of(function)
    return isinstance(tree, ast.FunctionDef) and all(map(_is_empty, tree.body))


def _is_empty(node: ast.stmt) -> bool:
    match node:
        case ast.Raise() | ast.Pass() | ast.Expr(ast.Constant()):
            return True
    return False


def step_of(made: type, backward: str) -> dict[str, str]:
    """What says that a backward pass changes the weights itself: an argument for its step."""
    names = [name for name in _takes(getattr(made, backward)) if is_rate(name)]
    return {"update": names[0]} if names else {}
