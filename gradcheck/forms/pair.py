"""A pair of functions that hand a cache from one to the other, as courses write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcheck.check import check
from gradcheck.layer import Adapted, Backward, Layer, input_names, name_of
from gradcheck.result import Array, Report


def check_pair(
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Array, Any], Any],
    *inputs: Any,
    **options: Any,
) -> Report:
    """Check a pair of functions that hand a cache from one to the other.

    Args:
        forward: `forward(*inputs)` returns `(out, cache)`.
        backward: `backward(dout, cache)` returns the gradients in the order of the inputs.
        *inputs: as for `check`.
        **options: options and named inputs, as for `check`.
    """
    count = max(len(inputs), len(input_names(forward, 0)))
    names = tuple(input_names(forward, count)[:count])
    layer = Adapted(name_of(forward), names, forward, backward, pair_layer)
    return check(layer, *inputs, **options)


def pair_layer(forward: Callable[..., Any], backward: Callable[..., Any] | None) -> Layer:
    """The layer of a pair: its way back is `backward` with the cache of this forward pass."""
    assert backward is not None

    def layer(*inputs: Array) -> tuple[Any, Backward]:
        result = forward(*inputs)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(
                f"forward returns (out, cache), a pair; this one returns a {type(result).__name__}"
            )
        out, cache = result
        return out, lambda dout: backward(dout, cache)

    return layer
