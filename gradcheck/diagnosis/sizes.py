"""What a fitted factor is called: which size at hand it equals, and how many of its digits matter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from gradcheck.diagnosis.margins import NAMED
from gradcheck.diagnosis.wrong import Context, named_axes, others
from gradcheck.result import Array

FORMS: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("{}", lambda size: size),
    ("1 over {}", lambda size: 1 / size),
    ("the root of {}", lambda size: abs(size) ** 0.5),
    ("1 over the root of {}", lambda size: abs(size) ** -0.5),
    ("{}, squared", lambda size: size * size),
    ("2 over {}", lambda size: 2 / size),
)
"""What becomes of a size where it is divided by, normalized with, or differentiated."""


def near(k: float, value: float) -> bool:
    """Whether a fitted factor is this value."""
    return abs(k - value) <= NAMED * abs(value)


def written(k: float) -> str:
    """A factor with as many digits as tell it from 1, and at least six."""
    return next(text for digits in range(6, 18) if float(text := f"{k:.{digits}g}") != 1 or k == 1)


def small_number(k: float) -> str:
    """The small number, or its reciprocal, that a factor is; empty if it is none."""
    for small in (2, 3, 4):
        for form, value in ((f"{small}", small), (f"1/{small}", 1 / small)):
            if near(abs(k), value):
                return form + _negative(k)
    return ""


def sizes_equal_to(context: Context, k: float) -> Iterator[str]:
    """What at hand a factor may be: the batch, the features, a hyperparameter, or a form of one."""
    for what, size in _sizes(context).items():
        if size in (0, 1):
            continue
        for form, of in FORMS:
            if near(abs(k), of(size)):
                yield form.format(what) + _negative(k)


def said(equals: str | None) -> str:
    """What a factor is, in brackets; nothing of a mere number."""
    return f" ({equals})" if equals else ""


def sizes_or_none(context: Context, k: float) -> list[str | None]:
    """The same, and None in the end: a factor may be a mere number."""
    return [*sizes_equal_to(context, k), None]


def _negative(k: float) -> str:
    return ", negative" if k < 0 else ""


def _sizes(context: Context) -> dict[str, float]:
    """Sizes by the name a message gives them, what is likeliest to be a factor first."""
    first = context.inputs[0]
    sizes: dict[str, float] = {"the batch size": len(first)} if _is_batch(context, first) else {}
    for name, x in [*zip(context.names, context.inputs, strict=False), ("the output", context.dy)]:
        sizes |= _sizes_of(name, x)
    for name, value in context.options.items():
        sizes |= {name: value, f"1 − {name}": 1 - value}
    return sizes


def _sizes_of(name: str, x: Array) -> dict[str, float]:
    """The sizes of an array: its axes, and what a mean is taken over, pixels or all but the channels."""
    every = range(x.ndim)
    several = [*itertools.pairwise(every), *(others(x.ndim, k) for k in every)]
    called: dict[str, Sequence[int]] = {f"axis {k} of {name}": (k,) for k in every}
    if x.ndim == 4:
        called[f"the spatial positions of {name}"] = (1, 2)
    called[f"the number of entries of {name}"] = every
    called[f"the rows of {name}"] = every[:-1]
    called |= {f"{named_axes(axes)} of {name}": axes for axes in several if axes}
    return {what: math.prod(x.shape[k] for k in axes) for what, axes in called.items()}


def _is_batch(context: Context, x: Array) -> bool:
    """Whether the first axis of x counts examples: the output has it too, or, of a loss, the labels."""
    if context.dy.ndim:
        return x.ndim > 1 and x.shape[:1] == context.dy.shape[:1]
    return any(x.ndim and other.shape[:1] == x.shape[:1] for other in context.inputs[1:])
