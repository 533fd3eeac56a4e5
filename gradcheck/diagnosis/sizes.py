"""What a fitted factor is called: which size at hand it equals, and how many of its digits matter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from gradcheck.diagnosis.margins import NAMED
from gradcheck.diagnosis.wrong import Context, named_axes, others
from gradcheck.result import Array, Code

FORMS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("{}", lambda size: size),
    ("1 over {}", lambda size: 1 / size),
    ("the root of {}", lambda size: abs(size) ** 0.5),
    ("1 over the root of {}", lambda size: abs(size) ** -0.5),
    ("{}, squared", lambda size: size * size),
    ("2 over {}", lambda size: 2 / size),
)
"""What becomes of a size where it is divided by, normalized with, or differentiated."""


@overload
def near(k: float, value: float) -> bool: ...


@overload
def near(k: float, value: Array) -> Array: ...


def near(k: float, value: Any) -> Any:
    """Whether a fitted factor is this value."""
    return abs(k - value) <= NAMED * abs(value)


def code_of(k: float) -> Code:
    """What a factor of a part or a term is called."""
    return "sign-flipped" if near(k, -1) else "scaled"


def written(k: float) -> str:
    """A factor with as many digits as tell it from 1, and at least six."""
    return next(text for digits in range(6, 18) if float(text := f"{k:.{digits}g}") != 1 or k == 1)


SMALL_NUMBERS = {"2": 2.0, "1/2": 1 / 2, "3": 3.0, "1/3": 1 / 3, "4": 4.0, "1/4": 1 / 4}
"""Numbers that are factors without being a size."""


def small_number(k: float) -> str | None:
    """The small number, or its reciprocal, that a factor is."""
    known = SMALL_NUMBERS.items()
    return next((_with_sign(what, k) for what, value in known if near(abs(k), value)), None)


def sizes_equal_to(context: Context, k: float) -> Iterator[str]:
    """What at hand a factor may be: the batch, the features, a hyperparameter, or a form of one."""
    sizes = {what: size for what, size in _sizes(context).items() if size not in (0, 1)}
    names, values = list(sizes), np.array(list(sizes.values()), dtype=np.float64)
    with np.errstate(all="ignore"):
        equal = near(abs(k), np.stack([of(values) for _, of in FORMS], axis=1))
    return (_with_sign(FORMS[form][0].format(names[one]), k) for one, form in np.argwhere(equal))


def _with_sign(what: str, k: float) -> str:
    return f"{what}, negative" if k < 0 else what


def said(equals: str | None) -> str:
    """What a factor is, in brackets; nothing of a mere number."""
    return f" ({equals})" if equals else ""


def sizes_or_none(context: Context, k: float) -> list[str | None]:
    """The same, and None in the end: a factor may be a mere number."""
    return [*sizes_equal_to(context, k), None]


def _sizes(context: Context) -> dict[str, float]:
    """Sizes by the name a message gives them, what is likeliest to be a factor first."""
    first = context.inputs[0]
    sizes: dict[str, float] = {"the batch size": len(first)} if _is_batch(context, first) else {}
    for name, x in [*context.named_inputs, ("the output", context.dy)]:
        sizes |= _sizes_of(name, x)
    for name, value in context.options.items():
        sizes |= {name: value, f"1 − {name}": 1 - value}
    return sizes


def _sizes_of(name: str, x: Array) -> dict[str, float]:
    """The sizes of an array: its axes, and what a mean is taken over, pixels or all but the channels."""
    every = range(x.ndim)
    several = [*itertools.pairwise(every), *(others(x.ndim, k) for k in every)]
    called: dict[str, Sequence[int]] = {f"axis {k}": (k,) for k in every}
    if x.ndim == 4:
        called["the spatial positions"] = (1, 2)
    called |= {"the number of entries": every, "the rows": every[:-1]}
    called |= {named_axes(axes): axes for axes in filter(None, several)}
    return {f"{what} of {name}": _count(x, axes) for what, axes in called.items()}


def _count(x: Array, axes: Sequence[int]) -> int:
    return math.prod(x.shape[k] for k in axes)


def _is_batch(context: Context, x: Array) -> bool:
    """Whether the first axis of x counts examples: the output has it too, or, of a loss, the labels."""
    if context.dy.ndim:
        return x.ndim > 1 and x.shape[:1] == context.dy.shape[:1]
    return any(x.ndim and other.shape[:1] == x.shape[:1] for other in context.inputs[1:])
