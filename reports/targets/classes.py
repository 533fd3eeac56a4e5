"""A class that is to be checked: its two methods, and an object, made by the file or with sizes that are tried."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.forms.names import is_cache, is_target
from gradcheck.forms.objects import BACKWARDS, COSTS, FORWARDS
from gradcheck.forms.saying import said
from gradcheck.layer import Function
from gradcheck.result import Finding
from reports.targets.proposals import wanted
from reports.targets.texts import returns_gradients, text_of, tree_of

MORE_THAN_A_GRADIENT = 2
"""Parameters of a backward pass beyond which it takes inputs: self and an upstream gradient are two."""

RATES = ("lr", "learning_rate", "learningrate", "learn_rate", "alpha", "eta", "step_size")
"""How the learning rate is called where a backward pass changes the weights itself."""

MOST = 3
"""Arguments of a constructor that are tried: of four there are too many orders."""

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
    r"^((kernel|pool|filter|window)(ing)?_?(size|width|height|h|w)?|k|f|ksize|strides?)$",
    re.IGNORECASE,
)
"""How the sides of a window are called, which fits several times into a small image, and its steps."""

PARTS = re.compile(r"^(n_?|num_?)?(heads?|groups?)$|^nhead$", re.IGNORECASE)
"""How is called into how many parts of equal length the features go."""

LENGTHS = re.compile(
    r"^((layers?|hidden|network)_?(sizes|dims|dimensions|units|shape)|sizes|layers|dims|architecture)$",
    re.IGNORECASE,
)
"""How the lengths of all layers of a network are called, the input's first."""

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
    forwards = (*_costs(made, methods, backward), *(n for n in FORWARDS if n in methods))
    return (forwards[0], backward) if forwards else None


def _costs(made: type, methods: set[str], backward: str) -> list[str]:
    """What backprop(x, y) of a whole network goes back from: cost(x, y), which takes the same."""
    takes = _takes(getattr(made, backward))
    if len(takes) <= MORE_THAN_A_GRADIENT:
        return []
    costs = {n: _takes(getattr(made, n)) for n in COSTS if n in methods}
    return [n for n, names in costs.items() if names == takes or _are_alike(names, takes)]


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
    names = [name for name in _takes(getattr(made, backward)) if name.lower() in RATES]
    return {"update": names[0]} if names else {}


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
    for combination in _arguments(made, needed) if len(needed) <= MOST else ():
        try:
            instance = made(*combination)
        except Exception:
            continue
        yield instance, _proposed(made.__name__, needed, combination)


def _arguments(made: type, needed: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Sizes for a constructor, and weights for one that takes them, which is tried first where it says so.

    Weights are in float32 where the class makes its own arrays so.
    """
    both = [_sizes(needed), _weights(needed, "f" if SINGLE.search(text_of(made)) else "d")]
    return itertools.chain(*(both[::-1] if all(map(WEIGHTS.match, needed)) else both))


def _sizes(needed: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Small numbers, each another; a half for what is a part of something, functions where they are asked for."""
    parted = any(map(PARTS.match, needed))
    for sizes in itertools.permutations((6, 4, 8) if parted else (5, 2, 3, 7), len(needed)):
        yield tuple(itertools.starmap(_meant, zip(needed, sizes, strict=True)))


def _meant(name: str, size: int) -> Any:
    """What an argument of a constructor may be, by its name; a size where that says nothing."""
    other = (
        *((PART, 0.5), (SLOPE, _tanh_prime), (FUNCTION, np.tanh)),
        *((PARTS, 2), (WINDOW, 2), (LENGTHS, [5, 4, 2])),
    )
    return next((value for names, value in other if names.match(name)), size)


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
    return f"array{np.shape(value)}" if isinstance(value, np.ndarray) else str(value)
