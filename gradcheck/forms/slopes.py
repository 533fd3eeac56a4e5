"""An object with a function and its derivative: `gradient(x)` takes what `__call__(x)` does, and no upstream."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.binding import input_names, required
from gradcheck.forms.arguments import parted
from gradcheck.forms.derivative import check_derivative
from gradcheck.forms.methods import DERIVATIVES, names_of
from gradcheck.forms.names import is_target, is_upstream
from gradcheck.forms.saying import said
from gradcheck.forms.state import copy_of
from gradcheck.meant import OPTIONS
from gradcheck.result import Report
from gradcheck.trees import copied

KEEPS = re.compile(r"\bself\.\w+\s*=[^=]")
"""How a method's text says that it stores something in its object."""


def check_slope(
    module: Any, inputs: Sequence[Any], named: Mapping[str, Any], forward: str, backward: str
) -> Report | None:
    """Check the derivative of an object; None where its backward method is no such thing.

    It is one if it is called so, takes what the function takes and nothing like an upstream gradient, and
    the function returns an array: of a loss of all entries it is a gradient. Where only its arguments are
    called as the function's and nothing is kept from there, it `may_be_one`.

    Args:
        module: the object.
        inputs, named: as for `check_module`.
        forward, backward: the names of its methods.
    """
    options, by_name = parted(named, OPTIONS)
    to, back = names_of(module, forward, backward)
    f, df = getattr(module, to), getattr(module, back)
    takes = required(df)
    if any(map(is_upstream, takes)) or not (
        back in DERIVATIVES or may_be_one(module, forward, backward)
    ):
        return None
    try:
        given = inspect.signature(f).bind(*inputs, **by_name).args
        # A trial leaves nothing behind in the object.
        value = getattr(copy_of(module), to)(*copied(given))
    except Exception:
        # Why it cannot be called is for the usual way to say.
        return None
    if not len(given) == len(takes) == len(required(f)) or np.ndim(value) == 0:
        return None
    at = differentiated(required(f), given)
    message = (
        f"{back}({', '.join(takes)}) is taken for the derivative of {to} by {takes[at]}: no upstream "
        "gradient goes in."
    )
    report = check_derivative(
        of_one_input(f, given, at),
        of_one_input(df, given, at),
        given[at],
        **{"name": type(module).__name__, **options},
    )
    return replace(report, findings=(said(message), *report.findings))


def may_be_one(module: Any, forward: str, backward: str) -> bool:
    """Whether a backward method takes arguments of the names that the function's have, and the class keeps none.

    `backward(self, x)` of a class that stores nothing: x may be the input, or an upstream gradient by that name.
    """
    to, back = names_of(module, forward, backward)
    f, df = getattr(module, to), getattr(module, back)
    alike = required(f) == required(df) != []
    return alike and back not in DERIVATIVES and not KEEPS.search(_text(f))


def _text(function: Callable[..., Any]) -> str:
    """A function's text; where it is not at hand, one that keeps something."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return "self._ = 0"


def differentiated(names: Sequence[str], given: Sequence[Any]) -> int:
    """The position of the input that a derivative is by: the first of floats that is no target."""

    def likely(k: int) -> tuple[bool, bool]:
        is_float = np.asarray(given[k]).dtype.kind == "f"
        return is_float, is_float and not is_target(names[k])

    return max(range(len(given)), key=likely, default=0)


def of_one_input(
    function: Callable[..., Any], given: Sequence[Any], at: int
) -> Callable[[Any], Any]:
    """A function of one of its inputs, the others as they are given."""
    behind = dict(zip(input_names(function, len(given))[at + 1 :], given[at + 1 :], strict=False))
    return partial(function, *given[:at], **behind) if len(given) > 1 else function
