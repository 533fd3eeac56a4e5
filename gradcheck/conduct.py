"""What a backward pass must not do, whatever its numbers: one probe for each, in a tuple.

A layer is run once forward and once backward on copies. Each probe looks at that run, may run the
layer again, and says what it has seen, or nothing.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.compare import norm
from gradcheck.layer import Layer, Misuse, arrays, copies, listed, run
from gradcheck.linearity import ignores_the_upstream_gradient
from gradcheck.meant import in_words
from gradcheck.passes import Gradients, Run
from gradcheck.result import Array, Finding, fault


@dataclass
class Conduct:
    """What a layer returned, and what was found about the way it behaves."""

    value: Array
    gradients: Gradients
    dy: Array
    findings: list[Finding] = field(default_factory=list)

    def has(self, code: str) -> bool:
        """Whether a finding of this code is among them."""
        return any(finding.code == code for finding in self.findings)

    @property
    def raised(self) -> bool:
        """Whether the backward pass ended in an exception."""
        return self.has("raises")


def observe(
    layer: Layer, inputs: Sequence[Array], names: Sequence[str], upstream: Callable[[Array], Array]
) -> Conduct:
    """Run a layer forward and backward on copies of its inputs, and let every probe look at it.

    Raises:
        TypeError: if the layer does not return a pair (value, backward).
    """
    seen = _run_once(layer, inputs, names, upstream)
    findings = [finding for probe in PROBES for finding in probe(seen)]
    return Conduct(seen.value, seen.gradients, seen.dy, findings)


def _run_once(
    layer: Layer, inputs: Sequence[Array], names: Sequence[str], upstream: Callable[[Array], Array]
) -> Run:
    given = copies(inputs)
    value, backward = run(layer, given)
    after_forward = _changed(given, inputs, names)
    _restore(given, inputs)
    dy = upstream(value)
    handed = dy.copy()
    returned, error = _back(backward, handed, len(inputs))
    after_backward = _changed(given, inputs, names)
    others = [*zip(names, given, strict=True), ("the upstream", handed)]
    shared = [name for name, x in others if _reaches(returned, x)]
    gradients = arrays(returned, copy=True)
    _restore(given, inputs)
    return Run(
        layer, names, inputs, dy, value, gradients, given, handed,
        after_forward, after_backward, shared, backward, error,
    )  # fmt: skip


def _back(
    backward: Callable[[Array], Any], handed: Array, count: int
) -> tuple[Gradients, Exception | None]:
    """What the way back returns, or what it raises; a wrong call of the checker is no fault of its."""
    try:
        return listed(backward(handed), count), None
    except Misuse:
        raise
    except Exception as raised:
        return [], raised


def _reaches(gradients: Gradients, x: Array) -> bool:
    """Whether a gradient may lie in the memory of an array."""
    return any(np.may_share_memory(g, x) for g in gradients if g is not None)


def _writes_to_its_inputs(seen: Run) -> Iterator[Finding]:
    for which, names in (("forward", seen.after_forward), ("backward", seen.after_backward)):
        for name in names:
            yield fault(
                "mutates-input",
                f"The {which} pass writes to its input {name}: the caller's array changes under them. "
                "Work on a copy.",
                {"input": name, "pass": which},
            )


def _changes_its_value(seen: Run) -> Iterator[Finding]:
    if not _same(seen.value, seen.forward_again()[0]):
        yield fault(
            "nondeterministic",
            "Two forward passes on the same inputs give different values: make randomness an "
            "input (a mask, say), or differences mean nothing.",
        )


NOT_THEIRS = (str(Path(np.__file__).parent), "<__array_function__", str(Path(__file__).parent))
"""How the files of frames begin that are NumPy's own or ours."""


def _raises(seen: Run) -> Iterator[Finding]:
    if seen.error is not None:
        yield that_it_raises(seen.error)


def that_it_raises(error: Exception) -> Finding:
    """The finding that a backward pass ends in an exception, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    # Inside NumPy nobody can mend anything, nor in our own call: the line of theirs is the one to look at.
    theirs = [f for f in frames if not f.filename.startswith(NOT_THEIRS)]
    where = f" (in {theirs[-1].name}, line {theirs[-1].lineno})" if theirs else ""
    told = {"traceback": "".join(traceback.format_exception(error))}
    return fault("raises", f"The backward pass raises {in_words(error)}{where}.", told)


def _writes_to_the_upstream_gradient(seen: Run) -> Iterator[Finding]:
    # A scalar's upstream gradient is a number, which nobody can write to; our 0-d array is not theirs.
    if seen.handed.ndim and not _same(seen.handed, seen.dy):
        yield fault(
            "mutates-upstream",
            "The backward pass writes to its upstream gradient; whoever else needs it (a "
            "residual branch, say) gets something else. Work on a copy.",
        )


def _shares_memory(seen: Run) -> Iterator[Finding]:
    for name in seen.shared:
        yield Finding(
            "aliases",
            f"A gradient that backward returns shares its memory with {name}: right, but whoever "
            "updates one of them in place changes the other. Return a copy.",
            {"array": name},
        )


def _works_once(seen: Run) -> Iterator[Finding]:
    """The second call of a way back raises, where a fresh forward pass makes it work again."""
    try:
        seen.gradients_of(seen.backward, seen.dy)
    except Exception as error:
        yield Finding(
            "accumulates",
            f"The way back works once: a second call raises {in_words(error)} (a "
            "cache that is popped, a graph that is freed?). The first call is what was judged.",
            {"second_call": type(error).__name__},
        )


def _leaves_something_behind(seen: Run) -> Iterator[Finding]:
    first, random_state = seen.gradients, _random_state()
    second = seen.gradients_of(seen.backward, seen.dy)
    if _all_same(first, second):
        return
    if _draws(seen, second, moved=_random_state() != random_state):
        yield fault(
            "nondeterministic",
            "Two backward passes with the same upstream gradient give different gradients, and no state that "
            "grows explains it: it draws random numbers. Draw them in the forward pass and keep them for the "
            "way back (a dropout's mask, say).",
            {"pass": "backward"},
        )
    else:
        yield fault(
            "accumulates",
            "A second backward pass with the same upstream gradient gives something else: the "
            "first has left something behind (a buffer added to and never cleared, weights updated?).",
        )


DRIFT = 0.9
"""The cosine between two changes one after the other from which on they are a drift: what is added to a buffer
or taken off a weight changes it by about the same each time, draws one by one have a cosine of about −1/2."""


def _draws(seen: Run, second: Gradients, *, moved: bool) -> bool:
    """Whether a way back that answers otherwise each time draws at random, instead of leaving something behind.

    `moved` says that NumPy's or Python's own generator has moved on in it.
    """
    if _all_same(seen.gradients, seen.answers(seen.dy)):
        return False
    if moved:
        return True
    third = seen.gradients_of(seen.backward, seen.dy)
    if any(_is_odd(*several) for several in zip(seen.gradients, second, third, strict=False)):
        return False
    one, other = (_changes(*pair) for pair in ((seen.gradients, second), (second, third)))
    product = norm(one) * norm(other)
    return bool(product > 0 and abs(one @ other) < DRIFT * product)


def _random_state() -> tuple[Any, ...]:
    """Where the generators stand that nobody has made: NumPy's and Python's own."""
    name, words, *rest = np.random.get_state()  # noqa: NPY002  (it is what the user's code draws from)
    return (name, np.asarray(words).tobytes(), *rest, random.getstate())


def _is_odd(*several: Array | None) -> bool:
    """Whether gradients cannot be subtracted from each other."""
    arrays = [x for x in several if x is not None]
    same_shapes = len({x.shape for x in arrays}) <= 1
    numbers = all(x.dtype.kind == "f" and np.isfinite(x).all() for x in arrays)
    return len(arrays) not in (0, len(several)) or not (same_shapes and numbers)


def _changes(before: Gradients, after: Gradients) -> Array:
    """By what all gradients have changed, as one vector."""
    pairs = zip(before, after, strict=False)
    return np.concatenate(
        [np.zeros(0), *(np.ravel(b - a) for a, b in pairs if a is not None and b is not None)]
    )


def _shares_its_cache(seen: Run) -> Iterator[Finding]:
    """Whether a forward pass on other inputs changes what the way back of this one returns."""
    try:
        # Smaller inputs: what a domain (a logarithm, a probability) allows, it allows there too.
        seen.forward_again(scale=0.75)
    except Exception:
        return
    if not _all_same(seen.gradients, seen.gradients_of(seen.backward, seen.dy)):
        yield fault(
            "accumulates",
            "After a forward pass on other inputs, the way back of this one gives something "
            "else: the two share what should be each one's own (a global, an attribute, a "
            "buffer that is written again).",
            {"after": "another forward pass"},
        )


def _narrows_its_value(seen: Run) -> Iterator[Finding]:
    """A remark: the value is of a narrower dtype than every input of floating dtype."""
    floats = [x.dtype for x in seen.inputs if x.dtype.kind == "f"]
    narrowest = min(floats, key=lambda dtype: dtype.itemsize, default=seen.value.dtype)
    if seen.value.dtype.itemsize < narrowest.itemsize:
        yield Finding(
            "low-precision",
            f"The value has dtype {seen.value.dtype}, though no input is narrower than {narrowest}: somewhere in "
            "the forward pass digits are lost, and no gradient can be judged beyond them.",
            {"value": str(seen.value.dtype), "inputs": str(narrowest)},
        )


Probe = Callable[[Run], Iterator[Finding]]


def _first_of(*probes: Probe) -> Probe:
    """The findings of the first probe that has any: what the later ones would see follows from it."""

    def first(seen: Run) -> Iterator[Finding]:
        yield from next(filter(None, (list(probe(seen)) for probe in probes)), ())

    return first


PROBES: tuple[Probe, ...] = (
    _writes_to_its_inputs,
    _first_of(
        _changes_its_value,
        _raises,
        _works_once,
        _leaves_something_behind,
        _shares_its_cache,
        ignores_the_upstream_gradient,
    ),
    _writes_to_the_upstream_gradient,
    _shares_memory,
    _narrows_its_value,
)


def _changed(given: Sequence[Array], inputs: Sequence[Array], names: Sequence[str]) -> list[str]:
    together = zip(given, inputs, names, strict=True)
    return [name for mine, original, name in together if not _same(mine, original)]


def _restore(given: Sequence[Array], inputs: Sequence[Array]) -> None:
    for mine, original in zip(given, inputs, strict=True):
        mine[...] = original


def _same(a: Array, b: Array) -> bool:
    """Equal to the last bit of every number; bytes that pad a number (longdouble's) are no number.

    Objects that are no numbers (a generator, say) are another thing each time; that is said elsewhere.
    """
    if a.dtype == b.dtype == object:
        return True
    floats = a.dtype.kind in "fc"
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=floats)


def _all_same(first: Gradients, second: Gradients) -> bool:
    return len(first) == len(second) and all(map(_are_same, first, second))


def _are_same(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None:
        return a is b
    return _same(a, b) or _are_close(a, b)


def _are_close(a: Array, b: Array) -> bool:
    """Equal up to rounding: the copy of a view lies otherwise in memory, and is summed up in another order."""
    if a.dtype.kind != "f" or a.shape != b.shape:
        return False
    # A quarter of the digits is room for sums of any length, and what is left behind changes more.
    return bool(norm(a - b) <= np.finfo(a.dtype).eps ** 0.75 * norm(a))
