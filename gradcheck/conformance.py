"""What a layer must stand besides a gradient check: one named check for each, for pytest's parametrize.

@pytest.mark.parametrize("check", conformance(dense, {"x": x, "W": W, "b": b}))
def test_dense(check):
    check()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcheck.binding import bind
from gradcheck.check import assert_gradients
from gradcheck.layer import (
    Layer,
    SeveralOutputs,
    copies,
    in_dtype,
    listed,
    random_upstream,
    run,
    times,
)
from gradcheck.meant import must_be, must_be_a_layer
from gradcheck.outputs import gathered
from gradcheck.result import Array

LARGE, SMALL = 1e4, 1e-8
"""What inputs are multiplied with: exp of the one overflows, squares of the other vanish beside 1."""


class Check:
    """One check, called without arguments; it raises AssertionError if the layer does not stand it."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        # What pytest calls a parameter that is a function.
        self.__name__ = name
        self.run = run

    def __call__(self) -> None:
        """Raise AssertionError if the layer does not stand it."""
        __tracebackhide__ = True
        try:
            self.run()
        except AssertionError as failed:
            # The frames in between are ours; pytest would show the text of each.
            raise failed.with_traceback(None) from None

    def __repr__(self) -> str:
        return self.__name__


def conformance(
    layer: Layer,
    inputs: Mapping[str, Any] | Sequence[Any],
    *,
    batch: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    **options: Any,
) -> list[Check]:
    """The checks that a layer must stand, each with a name.

    Args:
        layer: `layer(*inputs)` returns value and way back.
        inputs: by name or in order; float64 arrays, integers for labels.
        batch: the names of the inputs whose axis 0 is the batch; found by trying by default, and
            without one there are no checks of batches.
        skip: the names of checks to leave out, as "zeros" for a logarithm.
        **options: as for `check`.

    Returns:
        `numbers`, `float32`, `strided_inputs`, `read_only_inputs`, `repeated_calls`,
        `large_values`, `small_values`, `zeros`, and `batch_of_one`, `empty_batch`, `batch_of_many`.
    """
    fits = isinstance(inputs, (Mapping, list, tuple))
    must_be(fits, "inputs", inputs, "a list or a dict of arrays: conformance(layer, [x])")
    by_place: Sequence[Any] = () if isinstance(inputs, Mapping) else inputs
    by_name: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
    must_be_a_layer(layer, ())
    must_be(callable(layer), "layer", layer, "a function that returns (value, backward)")
    names, arrays = bind(layer, by_place, by_name)
    case = _Case(layer, tuple(names), tuple(arrays), options)
    _must_name("batch", batch or (), names)
    rows = _batch_inputs(case) if batch is None else [name in batch for name in names]
    checks = _checks(case, rows)
    _must_name("skip", skip, checks)
    return [Check(name, run) for name, run in checks.items() if name not in skip]


def _must_name(option: str, given: Any, known: Iterable[str]) -> None:
    """Raise for what names something else than the known."""
    must_be(isinstance(given, (list, tuple, set)), option, given, "a list of names")
    for name in set(given).difference(known):
        raise ValueError(f"{option} names {name!r}, expected some of {', '.join(known)}")


def _checks(case: _Case, rows: Sequence[bool]) -> dict[str, Callable[[], None]]:
    """The checks by name; those of batches where some inputs have rows."""
    checks: dict[str, Callable[[], None]] = {"numbers": partial(_passes, case, case.inputs)}
    checks |= {name: partial(probe, case) for name, probe in PROBES.items()}
    if any(rows):
        checks |= {name: partial(probe, case, rows) for name, probe in BATCHES.items()}
    return checks


@dataclass(frozen=True, eq=False)
class _Case:
    layer: Layer
    names: tuple[str, ...]
    inputs: tuple[Array, ...]
    options: dict[str, Any]

    def run(self, inputs: Sequence[Array]) -> tuple[Array, Callable[[Array], Any]]:
        """One forward pass; several outputs are laid side by side."""
        try:
            return run(self.layer, inputs)
        except SeveralOutputs as several:
            return run(gathered(self.layer, self.names, several), inputs)

    def results(self, inputs: Sequence[Array]) -> tuple[Array, list[Array | None]]:
        """Value and gradients."""
        y, backward = self.run(inputs)
        return y, listed(backward(random_upstream(y, 0)), len(inputs))

    def named_results(self, inputs: Sequence[Array]) -> tuple[Array, dict[str, Array]]:
        """Value and gradients by name, without those that are None."""
        y, gradients = self.results(inputs)
        pairs = zip(self.names, gradients, strict=False)
        return y, {name: gradient for name, gradient in pairs if gradient is not None}


def _passes(case: _Case, inputs: Sequence[Array]) -> None:
    __tracebackhide__ = True
    assert_gradients(case.layer, *inputs, **case.options)


def _float32(case: _Case) -> None:
    """Single precision comes out where it goes in, and its gradients are right too."""
    single = in_dtype(case.inputs, np.float32)
    y, gradients = case.named_results(single)
    assert y.dtype == np.float32, f"float32 goes in, {y.dtype} comes out"
    for name, gradient in gradients.items():
        assert gradient.dtype == np.float32, f"d{name} has dtype {gradient.dtype}, not float32"
    _passes(case, single)


def _strided_inputs(case: _Case) -> None:
    """Every second column of a wider array, and Fortran's order, give the same."""
    wide = [np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x for x in case.inputs]
    _same_results(case, wide)
    _same_results(case, [np.asfortranarray(x) for x in case.inputs])


def _read_only_inputs(case: _Case) -> None:
    """Arrays that nobody may write to are enough."""
    frozen = copies(case.inputs)
    for x in frozen:
        x.flags.writeable = False
    _same_results(case, frozen)


def _repeated_calls(case: _Case) -> None:
    """A second call gives the same, also after one on other inputs."""
    first = case.results(copies(case.inputs))
    case.results([times(x, 0.5) for x in case.inputs])
    _equal(first, case.results(copies(case.inputs)))


def _same_results(case: _Case, inputs: Sequence[Array]) -> None:
    _equal(case.results(copies(case.inputs)), case.results(inputs))


def _equal(one: tuple[Array, list[Array | None]], two: tuple[Array, list[Array | None]]) -> None:
    # Strides change the order in which a sum is taken, and with it the last digits.
    for a, b in zip([one[0], *one[1]], [two[0], *two[1]], strict=True):
        assert (a is None) == (b is None), "a gradient is None in one of two equal calls"
        if a is not None and b is not None:
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def _finite(case: _Case, scale: float) -> None:
    y, gradients = case.named_results([times(x, scale) for x in case.inputs])
    assert np.isfinite(y).all(), f"inputs times {scale:g} give a value that is not finite"
    for name, gradient in gradients.items():
        finite = np.isfinite(gradient).all()
        assert finite, f"inputs times {scale:g} give a d{name} that is not finite"


PROBES: dict[str, Callable[[_Case], None]] = {
    "float32": _float32,
    "strided_inputs": _strided_inputs,
    "read_only_inputs": _read_only_inputs,
    "repeated_calls": _repeated_calls,
    "large_values": lambda case: _finite(case, LARGE),
    "small_values": lambda case: _finite(case, SMALL),
    "zeros": lambda case: _finite(case, 0.0),
}


def _batch_inputs(case: _Case) -> list[bool]:
    """Which inputs have the batch along axis 0: those that can be doubled together; none if none can."""
    y, _ = case.run(copies(case.inputs))
    for rows in _guesses(case.inputs):
        if _can_be_doubled(case, rows, y):
            return rows
    return [False] * len(case.inputs)


def _guesses(inputs: Sequence[Array]) -> Iterator[list[bool]]:
    """The first input alone, with the integers of its length, with all of its length; none of a scalar."""
    length = inputs[0].shape[:1]
    if length:
        sized = [x.shape[:1] == length for x in inputs]
        yield [k == 0 for k in range(len(inputs))]
        yield [s and (k == 0 or inputs[k].dtype.kind != "f") for k, s in enumerate(sized)]
        yield sized


def _can_be_doubled(case: _Case, rows: Sequence[bool], y: Array) -> bool:
    twice = [np.concatenate([x, x]) if r else x for x, r in zip(case.inputs, rows, strict=True)]
    try:
        value, _ = case.run(twice)
    except Exception:
        return False
    return y.ndim == 0 or value.shape == (2 * y.shape[0], *y.shape[1:])


def _sliced(case: _Case, rows: Sequence[bool], count: int) -> list[Array]:
    return [x[:count].copy() if r else x for x, r in zip(case.inputs, rows, strict=True)]


def _empty_batch(case: _Case, rows: Sequence[bool]) -> None:
    """No rows in, no rows out, and gradients of the right shapes: zero for what is summed over rows."""
    inputs = _sliced(case, rows, 0)
    y, gradients = case.named_results(inputs)
    if y.ndim == 0:
        return
    assert y.shape[0] == 0, f"an empty batch gives a value of shape {y.shape}"
    shapes = {name: x.shape for name, x in zip(case.names, inputs, strict=True)}
    for name, gradient in gradients.items():
        assert gradient.shape == shapes[name], (
            f"d{name} of an empty batch has shape {gradient.shape}"
        )
        assert not gradient.any(), f"d{name} of an empty batch is not zero"


def _batch_of_many(case: _Case, rows: Sequence[bool]) -> None:
    many = [
        np.concatenate([x, times(x, 0.5)]) if r else x
        for x, r in zip(case.inputs, rows, strict=True)
    ]
    _passes(case, many)


BATCHES: dict[str, Callable[[_Case, Sequence[bool]], None]] = {
    "batch_of_one": lambda case, rows: _passes(case, _sliced(case, rows, 1)),
    "empty_batch": _empty_batch,
    "batch_of_many": _batch_of_many,
}
