"""An object of a class that is to be checked: made by the file, or with what its constructor is likely to take."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.forms.saying import said
from gradcheck.layer import Function
from gradcheck.result import Finding
from reports.targets.draws import ORDINARY
from reports.targets.proposals import wanted
from reports.targets.shapes import counted
from reports.targets.texts import text_of, tree_of

MOST = 3
"""Arguments of a constructor of which nothing is known that are tried: of four there are too many orders."""

SINGLE = re.compile(r"""float32|dtype=["']f["']|astype\(["']f["']""")
"""How a text says that its arrays are of float32."""

BIAS = re.compile(r"^(b|bias|beta|gamma)", re.IGNORECASE)
"""How the arguments of a constructor are called that have one number for each feature."""

PART = re.compile(
    r"^((keep|drop(out)?)_?)?(rate|p|prob(ability)?|ratio|dropout|momentum)$|^p_?(keep|drop(out)?)$",
    re.IGNORECASE,
)
"""How those are called that lie between 0 and 1."""

WINDOW = re.compile(
    r"^((kernel|ker|pool|filter|flt|window)(ing)?_?(size|width|height|h|w)?|k|f|ksize)$",
    re.IGNORECASE,
)
"""How the sides of a window are called, which fits several times into a small image."""

STEP = re.compile(r"^(s|strides?)$", re.IGNORECASE)
"""How its steps are called, which are shorter: windows that do not overlap hide what is written over."""

CHANNELS = re.compile(r"(channels?|filters?|maps|kernels)$", re.IGNORECASE)
"""How those are called beside which a size is that of a window."""

PARTS = re.compile(r"^(n_?|num_?)?(heads?|groups?)$|^nhead$", re.IGNORECASE)
"""How is called into how many parts of equal length the features go."""

LENGTHS = re.compile(
    r"^((layers?|hidden|network)_?(sizes|dims|dimensions|units|shape)|sizes|layers|dims|architecture)$",
    re.IGNORECASE,
)
"""How the lengths of all layers of a network are called, the input's first."""

RATE = re.compile(r"^(lr|learn(ing)?_?rate|eta|step_size)$", re.IGNORECASE)
"""How the length of a step is called that an object takes itself."""

SHAPE = re.compile(r"^(in(put)?s?_?)?shape$", re.IGNORECASE)
FLAT = re.compile(r"^out(put)?s?_?shape$", re.IGNORECASE)
"""How the shape of a single input is called, and that which is made of it."""

PADDING = re.compile(r"^pad(ding)?(_?size)?$", re.IGNORECASE)
"""How the zeros at the edge of an image are called."""

HEIGHT, WIDTH = (
    re.compile(rf"^((x|in(put)?|img|image)_?)?({side})(_?in)?$", re.IGNORECASE)
    for side in ("h|height|rows", "w|width|cols")
)
"""How the sides of the images are called that a layer takes, where both are told."""

NAMES = re.compile(r"^(name|prefix|scope)$")
GENERATOR = re.compile(r"^(rng|generator|random_?state)$")
"""How what a layer is called is called, and what its weights are drawn from."""

IMAGE = (3, 4, 5)
SIDES = (5, 3)
SHAPES = {2: ORDINARY, 3: IMAGE, 4: (2, *IMAGE)}
"""What is tried for the height and the width alone, which are those of an image that is tried first, and for
a shape of so many axes: an image of three channels, alone or of two."""

FUNCTION = re.compile(r"^(activation|act|func|function|fn)(_?(func|function|fn))?$", re.IGNORECASE)
SLOPE = re.compile(
    r"^(d_?|grad_?)?(activation|act|func|function|fn)_?(func_?)?(prime|deriv\w*|grad\w*|backward)$",
    re.IGNORECASE,
)
"""How those are called that are a function of each entry, and its derivative."""

WEIGHTS = re.compile(
    r"^(b|bias|beta|gamma|[wu](x|h|xh|hh|i|r)?|weights?|kernels?|theta)\d?$", re.IGNORECASE
)
"""How those are called that are arrays, and no sizes."""

WEIGHTS_OF: dict[int, tuple[tuple[tuple[tuple[int, ...], ...], tuple[int, ...]], ...]] = {
    0: (((), (5,)), ((), (1, 5))),
    1: ((((5, 2),), (2,)), (((2, 3, 3, 3),), (2,))),
    2: tuple((((5, 2 * gates), (2, 2 * gates)), (2 * gates,)) for gates in (1, 4, 3)),
}
"""Shapes that are tried for so many matrices, and for the biases beside them.

A scale and a shift alone are as long as the features of the input that is tried first; of two matrices the
second takes a state, as in a recurrent cell of one, four or three gates.
"""


Made = tuple[Any, list[Finding]]
"""An object, and what has to be said of how it was made."""


def objects(made: type, make: Function | None, seed: int) -> Iterator[Made]:
    """The object: as the file makes it, without arguments, or with small sizes that are tried, and said."""
    # Weights are drawn from NumPy's global generator more often than not.
    np.random.seed(seed)  # noqa: NPY002
    if make is not None:
        takes = inspect.signature(make).parameters
        yield make(np.random.default_rng(seed)) if takes else make(), []
        return
    needed = wanted(made)
    for combination in arguments(made, needed):
        try:
            instance = made(*combination)
        except Exception:
            continue
        yield instance, _proposed(made.__name__, needed, combination)


def arguments(made: Function | type, needed: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Sizes for a constructor, and weights for one that takes them, which is tried first where it says so.

    Weights are in float32 where the class makes its own arrays so.
    """
    both = [_sizes(made, needed), _weights(needed, "f" if SINGLE.search(text_of(made)) else "d")]
    return itertools.chain(*(both[::-1] if all(map(WEIGHTS.match, needed)) else both))


def _sizes(made: Function | type, needed: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Small numbers, each another; where a name or the class's text says what is meant, that."""
    taken = [pair for node in ast.walk(tree_of(made) or ast.Pass()) for pair in counted(node)]
    counts = {name: max((n for one, n in taken if one == name), default=1) for name in needed}
    window = 3 if any(map(STEP.match, needed)) else 2
    meant = {name: one for name in needed for one in _meant(name, counts[name], window)}
    if any(map(CHANNELS.search, needed)):
        meant |= {name: window for name in needed if name == "size"}
    sides = [[name for name in needed if side.match(name)] for side in (HEIGHT, WIDTH)]
    meant |= {
        name: n for names, n in zip(sides, SIDES, strict=True) for name in names if all(sides)
    }
    small = (6, 4, 8) if any(map(PARTS.match, needed)) else (5, 2, 4, 7)
    for other in ({}, *_otherwise(needed)):
        known = {**meant, **other}
        free = [name for name in needed if name not in known]
        for sizes in itertools.permutations(small, len(free)) if len(free) <= MOST else ():
            chosen = {**known, **dict(zip(free, sizes, strict=True))}
            yield tuple(chosen[name] for name in needed)


def _meant(name: str, count: int, window: int) -> Iterator[Any]:
    """What an argument of a constructor may be, by its name and by how many numbers the text takes from it."""
    other = (
        *((PART, 0.5), (RATE, 0.1), (SLOPE, _tanh_prime), (FUNCTION, np.tanh), (PARTS, 2)),
        *((names, _each(n, count)) for names, n in ((WINDOW, window), (STEP, 2))),
        *((PADDING, 1), (LENGTHS, [5, 4, 2]), (NAMES, "layer")),
        (GENERATOR, np.random.default_rng(0)),
    )
    found = [value for names, value in other if names.match(name)]
    yield from found[:1] or ([SHAPES[count]] if count in SHAPES else [])


def _otherwise(needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What else some may be: no padding; windows side by side; a shape as a whole, and the same in a row."""
    bare = {name: 0 for name in needed if PADDING.match(name)}
    for names, value in ((PADDING, 0), (WINDOW, 2), (SHAPE, IMAGE)):
        other = {name: value for name in needed if names.match(name)}
        rows = {name: (math.prod(IMAGE),) for name in needed if FLAT.match(name)}
        if other:
            yield {**bare, **other, **rows}


def _each(number: int, count: int) -> Any:
    """A number, or as many as are taken from it."""
    return (number,) * count if count > 1 else number


def _tanh_prime(x: Any) -> Any:
    return 1 - np.tanh(x) ** 2


def _weights(needed: Sequence[str], dtype: str) -> Iterator[tuple[Any, ...]]:
    """Matrices or kernels, and a bias that fits."""
    rng = np.random.default_rng(0)
    biases = [bool(BIAS.match(name)) for name in needed]
    for matrices, bias in WEIGHTS_OF.get(biases.count(False), ()) if needed else ():
        waiting = iter(matrices)
        shapes = [bias if is_bias else next(waiting) for is_bias in biases]
        yield tuple(rng.normal(size=shape).astype(dtype) for shape in shapes)


def _proposed(name: str, needed: Sequence[str], sizes: Sequence[Any]) -> list[Finding]:
    """What is said of an object whose sizes nobody gave."""
    if not needed:
        return []
    given = ", ".join(f"{n}={_size(size)}" for n, size in zip(needed, sizes, strict=True))
    message = (
        f"The object is {name}({given}): that was proposed, as the file has no make_{name}(rng)."
    )
    return [said(message, sizes=given)]


def _size(value: Any) -> str:
    if callable(value):
        return str(getattr(value, "__name__", value)).lstrip("_")
    if isinstance(value, np.random.Generator):
        return "default_rng(0)"
    return f"array{np.shape(value)}" if isinstance(value, np.ndarray) else str(value)
