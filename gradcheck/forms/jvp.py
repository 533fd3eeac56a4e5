"""A function with its Jacobian-vector product beside it: how its value changes along a direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.binding import input_names
from gradcheck.check import check
from gradcheck.compare import norm
from gradcheck.entries import every_entry
from gradcheck.exits import staying
from gradcheck.forms.arguments import parted
from gradcheck.forms.names import takes
from gradcheck.forms.tangents import tangent_lines
from gradcheck.layer import Adapted, Backward, Function, Layer, name_of
from gradcheck.meant import OPTIONS, must_be_functions, no_input
from gradcheck.result import Array, Finding, Report, failing, fault

MOST = 4096
"""Entries of the inputs up to which every direction is asked for."""


@staying
def check_jvp(f: Function, jvp: Function, *inputs: Any, **options: Any) -> Report:
    """Check a Jacobian-vector product: the derivative of f along a direction.

        check_jvp(np.tanh, lambda x, v: (1 - np.tanh(x) ** 2) * v, x)

    It is asked for the direction of each entry of each input, which is all that a linear map is, and
    for a random one, which tells whether it is linear.

    Args:
        f: `f(*inputs)` returns a scalar or an array.
        jvp: `jvp(*inputs, *tangents)` or `jvp(inputs, tangents)` returns the tangent of the value, or
            `(value, tangent)`. It may take tangents of the first inputs alone: `jvp(x, mask, v)`.
        *inputs: float arrays; integers are constants, their tangent is None, or left out.
        **options: as for `check`.

    Raises:
        TypeError: for what is no function, and for an option that there is not.
        ValueError: if the inputs have more than 4096 entries.
    """
    must_be_functions("check_jvp(f, jvp, x)", f=f, jvp=jvp)
    options, strange = parted(options, OPTIONS)
    names = tuple(input_names(f, len(inputs))[: len(inputs)])
    if strange:
        raise TypeError(no_input(next(iter(strange)), names))
    arrays = list(map(np.asarray, inputs))
    _must_be_few(arrays)
    layer = Adapted(name_of(jvp), names, f, None, lambda f, _: jvp_layer(f, jvp))
    report = check(layer, *arrays, **{"wrt": _moving(jvp, arrays), **options})
    report = replace(report, findings=(*report.findings, *_not_linear(f, jvp, arrays)))
    asked = options.get("lines")
    wanted = failing(report) if asked is None else asked
    return _with_lines(report, f, jvp, arrays) if wanted else report


def _must_be_few(inputs: Sequence[Array]) -> None:
    entries = sum(x.size for x in inputs if x.dtype.kind == "f")
    if entries > MOST:
        raise ValueError(
            f"the inputs have {entries} entries, and a Jacobian-vector product is asked for each of "
            f"them: at most {MOST}"
        )


def _with_lines(report: Report, f: Function, jvp: Function, inputs: Sequence[Array]) -> Report:
    """The report with the lines of the product, along one random direction."""
    rng = np.random.default_rng(report.seed)
    direction = _direction(inputs, _moving(jvp, inputs), rng)
    found = tangent_lines(f, jvp, inputs, direction, called)
    first = () if found.first_wrong is None else (found.first_wrong,)
    return replace(report, by_line=found, findings=(*report.findings, *first))


def jvp_layer(f: Function, jvp: Function) -> Layer:
    """A layer whose way back asks for the tangent along each entry: dx_k = Σ dy · jvp(x, e_k)."""

    def layer(*inputs: Array) -> tuple[Any, Backward]:
        y = np.asarray(every_entry(f(*inputs)))

        def backward(dy: Array) -> list[Array | None]:
            return [_gradient(jvp, inputs, k, y, dy) for k in range(len(inputs))]

        return y, backward

    return layer


def _gradient(
    jvp: Function, inputs: Sequence[Array], position: int, y: Array, dy: Array
) -> Array | None:
    if position not in _moving(jvp, inputs):
        return None
    along = [
        (dy * tangent_of(jvp, inputs, tangents, y)).sum() for tangents in _axes(inputs, position)
    ]
    return np.array(along, dtype=dy.dtype).reshape(inputs[position].shape)


def _axes(inputs: Sequence[Array], position: int) -> Iterator[list[Array | None]]:
    """The direction of each entry of one input, the others staying where they are."""
    for index in np.ndindex(inputs[position].shape):
        tangents = [np.zeros_like(x) if x.dtype.kind == "f" else None for x in inputs]
        tangents[position][index] = 1  # type: ignore[index]
        yield tangents


def called(jvp: Function, inputs: Sequence[Array], tangents: Sequence[Array | None]) -> Any:
    """Call a Jacobian-vector product in the way that its signature asks for."""
    if _takes_tuples(jvp, inputs):
        return jvp(tuple(inputs), tuple(tangents))
    few = _is_of_few(jvp, inputs)
    return jvp(*inputs, *([tangents[k] for k in _moving(jvp, inputs)] if few else tangents))


def _takes_tuples(jvp: Function, inputs: Sequence[Array]) -> bool:
    return len(inputs) > 1 and len(takes(jvp)) == 2


def _is_of_few(jvp: Function, inputs: Sequence[Array]) -> bool:
    """Whether a product takes fewer tangents than inputs: jvp(x, mask, v)."""
    return 0 < len(takes(jvp)) - len(inputs) < len(inputs)


def _moving(jvp: Function, inputs: Sequence[Array]) -> list[int]:
    """The inputs along which a product goes: those of floats, the first of them where it takes few tangents."""
    floats = [k for k, x in enumerate(inputs) if x.dtype.kind == "f"]
    return floats[: len(takes(jvp)) - len(inputs)] if _is_of_few(jvp, inputs) else floats


def tangent_of(
    jvp: Function, inputs: Sequence[Array], tangents: Sequence[Array | None], y: Array
) -> Array:
    """The tangent that a product returns, of y's shape.

    Raises:
        ValueError: if what it returns has not the shape of y.
    """
    found = called(jvp, inputs, tangents)
    if isinstance(found, (tuple, list)) and len(found) == 2:
        found = found[1]
    tangent = np.asarray(every_entry(found))
    if tangent.shape != y.shape:
        raise ValueError(
            f"the tangent has shape {tangent.shape}, expected {y.shape}, that of the value"
        )
    return tangent


def _not_linear(f: Function, jvp: Function, inputs: Sequence[Array]) -> list[Finding]:
    """Whether the tangent along a sum is the sum of the tangents."""
    rng = np.random.default_rng(0)
    y = np.asarray(f(*inputs))
    moving = _moving(jvp, inputs)
    one, two = (_direction(inputs, moving, rng) for _ in range(2))
    both = list(map(_sum, one, two))
    try:
        tangents = [tangent_of(jvp, inputs, v, y) for v in (one, two, both)]
    except Exception:
        # That it raises is a finding of the check itself.
        return []
    first, second, together = tangents
    gap, size = norm(together - first - second), norm(first) + norm(second)
    # Half of the digits: what is not linear misses by far more, what is, by a few ulp.
    if not gap > np.sqrt(np.finfo(y.dtype).eps) * size:
        return []
    told = (
        "The Jacobian-vector product is not linear in its direction: jvp(x, u + v) is not "
        "jvp(x, u) + jvp(x, v). Multiply by the direction, once."
    )
    return [fault("ignores-upstream", told, {"deviation": gap / size})]


def _sum(u: Array | None, v: Array | None) -> Array | None:
    return None if u is None or v is None else u + v


def _direction(
    inputs: Sequence[Array], moving: Sequence[int], rng: np.random.Generator
) -> list[Array | None]:
    """A random direction in which some inputs move."""
    return [
        rng.standard_normal(x.shape).astype(x.dtype) if k in moving else None
        for k, x in enumerate(inputs)
    ]
