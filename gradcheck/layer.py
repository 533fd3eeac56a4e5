"""What a layer is: a function that returns its value and the way back; how it is called and run.

    def square(x):
        return x * x, lambda dy: 2 * x * dy

Whatever else people write (a pair with a cache, a derivative, a class) is adapted to this one shape in
`gradcheck.forms`, and from then on nobody needs to know what it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any, Protocol

import numpy as np

from gradcheck.entries import every_entry
from gradcheck.result import Array

Function = Callable[..., Any]
"""Whatever somebody has written."""

Backward = Callable[[Array], Any]
"""The way back: from the upstream gradient to one gradient for each input, in order."""

Layer = Callable[..., tuple[Any, Backward]]
"""`layer(*inputs)` returns its value and the way back."""


class Misuse(ValueError):
    """The checker was called wrongly, which is no fault of the backward pass."""


class Dialect(Protocol):
    """How the values that a layer computes with are read as NumPy's; a framework's tensors are not."""

    def array(self, value: Any) -> Any:
        """A tensor as an array, in the same memory where that can be; trees of them likewise; else itself."""
        ...

    def like(self, value: Any, array: Array) -> Any:
        """An array as what can stand for `value`: a tensor of its dtype on its device."""
        ...


class Numpy:
    """NumPy's own: nothing is to be translated."""

    def array(self, value: Any) -> Any:
        """The value."""
        return value

    def like(self, value: Any, array: Array) -> Any:
        """The array."""
        return array


@dataclass(frozen=True)
class Adapted:
    """A layer made of functions that a user wrote in another shape, under their names.

    Args:
        name: what a report calls it.
        input_names: the names of its inputs, in order.
        forward: the user's function that computes the value.
        backward: the user's function that computes the gradients, None where its lines say nothing of
            them (a derivative that is not compared entry by entry).
        assemble: puts a layer together from two such functions; with changed ones, to read their lines.
            It calls them as the user would, a method with its object first.
        upstream: the parameters of `backward` that receive upstream gradients, in order; None for the
            first that is not `self`.
        chained: whether `backward` carries gradients back by the chain rule, so that dz is that of z;
            False for a derivative, in which a name may mean anything.
        gradients: for each input the keys and positions that lead to its gradient in what `backward`
            returns, `("self", "dW")` for an attribute of its object, None for an input without one;
            None altogether for one gradient an input, in order.
        inside: the backward pass is written within `forward`, which returns it beside the value.
        dialect: how the values in these functions are read.
        scored: the user's loss of what `forward` returns, and the layer with another in its place.
    """

    name: str
    input_names: tuple[str, ...]
    forward: Function
    backward: Function | None
    assemble: Callable[[Function, Function | None], Layer]
    upstream: tuple[str, ...] | None = None
    gradients: tuple[tuple[Any, ...] | None, ...] | None = None
    inside: bool = False
    dialect: Dialect = field(default_factory=Numpy)
    chained: bool = True
    scored: tuple[Function, Callable[[Function], Adapted]] | None = None

    @cached_property
    def layer(self) -> Layer:
        """The user's own functions, put together."""
        return self.assemble(self.forward, self.backward)

    def __call__(self, *inputs: Array) -> tuple[Any, Backward]:
        """Value and way back."""
        return self.layer(*inputs)


def name_of(layer: Function) -> str:
    """What a report calls a layer: its own name, without what is bound to it; of a lambda its place."""
    if isinstance(layer, Adapted):
        return layer.name
    inner = getattr(layer, "func", layer)
    name = str(getattr(inner, "__name__", type(inner).__name__))
    return _place_of(inner.__code__) if name == "<lambda>" else name


def _place_of(code: CodeType) -> str:
    """How a function without a name is found again."""
    return f"lambda ({os.path.basename(code.co_filename)}, line {code.co_firstlineno})"


def run(layer: Layer, inputs: Sequence[Array]) -> tuple[Array, Callable[[Array], Any]]:
    """One forward pass: its value as an array of its own, and the way back."""
    result = layer(*inputs)
    if not (isinstance(result, tuple) and len(result) == 2 and callable(result[1])):
        raise TypeError(
            f"a layer returns (value, backward), a pair with a function; this one returns "
            f"{_described(result)}: {_meant(result)}"
        )
    value, backward = result
    try:
        return value_of(value), backward
    except SeveralOutputs as several:
        several.backward = backward
        raise


SEVERAL = (tuple, dict)
"""What outputs are returned in that are several; a list is an array that is written out."""


class SeveralOutputs(TypeError):
    """A forward pass returns several outputs where one array is expected; `backward` is the way back from them."""

    def __init__(self, returned: Any) -> None:
        super().__init__(
            f"the forward pass returns {_described(returned)} as its value, expected one array"
        )
        self.returned = returned
        self.backward: Function | None = None


def value_of(returned: Any) -> Array:
    """The value of a forward pass as an array of its own.

    Raises:
        SeveralOutputs: if it is several arrays.
    """
    if isinstance(returned, SEVERAL):
        raise SeveralOutputs(returned)
    try:
        return np.array(every_entry(returned))
    except ValueError as error:
        raise SeveralOutputs(returned) from error


def copies(inputs: Sequence[Array]) -> list[Array]:
    """Arrays of their own for one run, which may write into them."""
    return [x.copy() for x in inputs]


def in_dtype(inputs: Iterable[Array], dtype: Any) -> list[Array]:
    """The inputs, those of floating dtype in another."""
    return [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]


def times(x: Array, scale: float) -> Array:
    """An input of its own, times a number where it is of floating dtype."""
    return (scale * x).astype(x.dtype) if x.dtype.kind == "f" else x.copy()


def listed(gradients: Any, expected: int) -> list[Array | None]:
    """What backward returned as a list; a single array serves where there is a single input."""
    if isinstance(gradients, dict) or (gradients is None and expected > 1):
        return []
    return arrays(gradients if isinstance(gradients, (tuple, list)) else [gradients])


def arrays(gradients: Iterable[Any], *, copy: bool | None = None) -> list[Array | None]:
    """Gradients as arrays, of their own if `copy`, None where there is none."""
    return [None if g is None else np.array(every_entry(g), copy=copy) for g in gradients]


def _described(result: Any) -> str:
    if isinstance(result, tuple):
        return f"a tuple of {', '.join(type(part).__name__ for part in result)}"
    return f"a {type(result).__name__}"


def _meant(result: Any) -> str:
    """Which call is meant for a function that returns this."""
    framework = FRAMEWORKS.get(type(result).__module__.partition(".")[0])
    if framework is not None:
        return f"for a function of tensors, {framework}(f, …)"
    if not isinstance(result, tuple) or len(result) < 2:
        return "with a derivative beside it, check_derivative(f, df, x)"
    if np.ndim(_first(result)) == 0 and isinstance(result[1], (np.ndarray, dict, tuple, list)):
        return "for a value with its gradient, check_loss(f, …)"
    if callable(result[-1]):
        return "several outputs go together, return (y1, y2), backward"
    return "for a forward pass that returns a cache, check_pair(forward, backward, …)"


FRAMEWORKS = {
    "torch": "check_torch",
    "jax": "check_jax",
    "jaxlib": "check_jax",
    "tensorflow": "check_tensorflow",
    "keras": "check_tensorflow",
}
"""By the package that a value is of, the call for functions that return such values."""


def _first(result: tuple[Any, ...]) -> Any:
    return result[0] if isinstance(result[0], (float, np.ndarray, np.generic)) else ()


def random_upstream(value: Array, seed: int) -> Array:
    """A random upstream gradient with random signs and no entry near zero.

    Never all ones: softmax and batch normalization answer ones with an exact zero, and then
    anything passes.
    """
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.5, 1.5, value.shape)
    return np.asarray(size * rng.choice([-1.0, 1.0], value.shape), dtype=value.dtype)
