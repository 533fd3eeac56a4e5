"""The methods of an object that go forward and back, found by what people call them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcheck.forms.scored import Score, beside, scores_of
from gradcheck.layer import Function
from gradcheck.meant import must_be

COSTS = (
    *("cost", "loss", "compute_cost", "compute_loss", "calculate", "error", "objective"),
    *(
        "loss_and_grad",
        "loss_and_gradient",
        "loss_and_gradients",
        "cost_and_grad",
        "cost_and_gradient",
    ),
)
"""What people call the method that says how far off a network is, alone or with its gradient."""
DERIVATIVES = (
    *(
        "gradient",
        "grad",
        "derivative",
        "deriv",
        "derivate",
        "prime",
        "derivative_func",
        "gradients",
    ),
    *("compute_gradient", "compute_gradients", "calculate_gradient", "calculate_gradients"),
)
"""What people call a method that may be a derivative, and take no upstream gradient."""
FORWARDS = (
    *("forward", "__call__", "forward_pass", "feedforward", "fprop", "forward_propagation"),
    *(*COSTS, "fn", "func", "function", "value", "activate", "activation"),
)
BACKWARDS = (
    *("backward", "backward_pass", "backprop", "bprop", "backpropagate", "backpropagation"),
    *("backward_propagation", *DERIVATIVES),
)


@dataclass(frozen=True, eq=False)
class Methods:
    """The two methods of an object, as functions of any object of its kind, and what a report calls it.

    `score` says what its forward pass is scored by, where its way back begins at a loss of its own.
    """

    name: str
    forward: Function
    backward: Function
    score: Score | None = None

    @staticmethod
    def of(module: Any, forward: str, backward: str) -> Methods:
        """Find them.

        Raises:
            TypeError: if the object is a class, a generator, or has no such method.
        """
        to, back = names_of(module, forward, backward)
        return Methods(type(module).__name__, of_any(module, to), of_any(module, back))

    def scored(self, module: Any, forward: str, backward: str) -> list[Methods]:
        """The same with each loss that the way back may begin at: the object's, or one of functions beside it."""
        to, back = (getattr(module, name) for name in names_of(module, forward, backward))
        own = [replace(s, loss=of_any(module, s.name)) for s in scores_of(module, to, back)]
        others = [
            replace(s, loss=_without_object(s.loss)) for s in scores_of(beside(back), to, back)
        ]
        return [replace(self, score=score) for score in own or others] or [self]


def _without_object(function: Function) -> Function:
    return lambda owner, *args: function(*args)


def names_of(module: Any, forward: str, backward: str) -> tuple[str, str]:
    """What the methods of an object are called, where convention has it.

    Raises:
        TypeError: as `Methods.of`.
    """
    must_be_an_object(module)
    for option, name in (("forward", forward), ("backward", backward)):
        must_be(isinstance(name, str), option, name, "the name of a method")
    return _found(module, forward, FORWARDS), _found(module, backward, BACKWARDS)


def must_be_an_object(module: Any) -> None:
    """Raise TypeError for a class, a function, and for what can be run once only."""
    if isinstance(module, type):
        raise TypeError(
            f"{module.__name__} is a class: make an object of it first, "
            f"check_module({module.__name__}(…), x)"
        )
    if inspect.isfunction(module):
        raise TypeError(
            f"{module.__name__} is a function, expected an object with forward and backward: for a "
            "layer check(layer, x), for a pair check_pair(forward, backward, x)"
        )
    if inspect.isgenerator(module):
        raise TypeError("a generator can be run once only: give the function that makes it")


def _found(module: Any, wanted: str, usual: Sequence[str]) -> str:
    for name in usual if wanted == usual[0] else (wanted,):
        if callable(getattr(module, name, None)):
            return name
    raise TypeError(_no_method(module, wanted, usual[0]))


def _no_method(module: Any, wanted: str, option: str) -> str:
    """What is said of an object that has not the method: those that it has."""
    methods = [n for n in dir(module) if n[0] != "_" and callable(getattr(module, n))]
    costs = sorted(set(methods).intersection(COSTS))
    hint = f"; of one that returns value and gradients check_loss(….{costs[0]}, …)" if costs else ""
    return (
        f"{type(module).__name__} has no method {wanted!r}; it has {', '.join(methods) or 'none'}: "
        f"say which, {option}=…{hint}"
    )


def of_any(module: Any, name: str) -> Function:
    """A method as a function whose first argument is the object."""
    method = getattr(module, name)
    if getattr(method, "__self__", None) is module and hasattr(method, "__func__"):
        function: Function = method.__func__
        return function
    return lambda owner, *args, **keywords: getattr(owner, name)(*args, **keywords)
