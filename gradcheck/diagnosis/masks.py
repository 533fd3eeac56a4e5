"""Hypotheses about what was let through: a derivative left out, or a mask of the wrong array."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import FEWEST, MOST
from gradcheck.diagnosis.probes import forward_at
from gradcheck.diagnosis.wrong import Measured, WrongGradient
from gradcheck.numeric import NumericalWitness
from gradcheck.result import Array, Finding

OF_THE_OUTPUT: dict[str, Callable[[Array], Array]] = {
    "v·(1 − v)": lambda v: v * (1 - v),
    "1 − v²": lambda v: 1 - v * v,
    "v": lambda v: v,
}
"""Derivatives that are written by the output: of σ, tanh, exp."""


def flows_where_nothing_should(s: WrongGradient) -> Iterator[Finding]:
    """Right where the gradient is not zero, and let through wherever it should be."""
    quiet, loud = s.smooth & _quiet(s), s.smooth & ~_quiet(s)
    right = s.agrees_with(s.true, s.bound + s.grain)
    if not (quiet.any() and loud.any() and right[loud].all()):
        return
    if not right[quiet].all() and (np.abs(s.claimed[quiet]) > s.grain).mean() > MOST:
        yield Finding(
            "missing-mask",
            f"{s.name} flows where nothing should: right on all entries that are active, but not zero on "
            f"the {int(quiet.sum())} that are not. The mask (of ReLU, dropout, a maximum) was left out.",
            {"entries": int(quiet.sum()), "mask": "missing"},
        )


def upstream_itself(s: WrongGradient) -> Iterator[Finding]:
    """It is the upstream gradient as it came."""
    yield from s.if_it_is(
        Measured.exactly(s.context.dy),
        "missing-mask",
        f"{s.name} is the upstream gradient itself: the derivative of this step, an activation's or a "
        "factor, was left out.",
        {"entries": int(s.wrong.sum()), "mask": "all"},
    )


def other_derivative(s: WrongGradient) -> Iterator[Finding]:
    """An elementwise step with something else for its derivative: twice, of the output, the value itself."""
    dy, y = s.context.dy, s.context.forward.value
    if dy.size >= FEWEST and _is_elementwise(s):
        for what, model in _other_derivatives(s, s.measured.times(1 / dy), y):
            yield from s.if_it_is(
                model.times(dy),
                "missing-mask",
                f"{s.name} has a wrong derivative: the upstream gradient is multiplied by {what}.",
                {"mask": what},
            )


def _is_elementwise(s: WrongGradient) -> bool:
    """Whether moving half of the entries leaves the outputs of the others alone."""
    if not s.context.dy.shape == s.x.shape == s.claimed.shape:
        return False
    half = np.random.default_rng(0).permutation(s.x.size).reshape(s.x.shape) % 2 == 0
    everything = (slice(None),) * s.x.ndim
    moved = s.context.forward.moved(s.position, everything, np.where(half, 1.01 * s.x, s.x))
    return np.array_equal(moved[~half], s.context.forward.value[~half])


def _other_derivatives(
    s: WrongGradient, slope: Measured, y: Array
) -> Iterator[tuple[str, Measured]]:
    """What is taken for the slope f'(x) of y = f(x)."""
    exact, d = np.zeros(y.shape), slope.value
    yield "the derivative twice", Measured(d * d, 2 * np.abs(d) * slope.bound, slope.smooth)
    yield "the value of the function itself", Measured(y, exact, slope.smooth)
    for formula, h in OF_THE_OUTPUT.items():
        if agrees(d, h(y), slope.bound + s.grain).all():
            yield (
                f"{formula} of the input, where v is the output (handed the output it is right)",
                Measured(h(s.x), exact, slope.smooth),
            )
    at_output = _slope_at_output(s)
    if at_output is not None:
        yield "the derivative at the output, not at the input", at_output


def _slope_at_output(s: WrongGradient) -> Measured | None:
    """f'(y) instead of f'(x), if the function is defined there."""
    other = forward_at(s, s.position, s.context.forward.value.astype(s.x.dtype))
    if other is None:
        return None
    slope = NumericalWitness(other, np.ones(s.context.dy.shape)).gradient(s.position)
    return Measured.of(slope)


def right_numbers_elsewhere(s: WrongGradient) -> Iterator[Finding]:
    """The true numbers and zeros between them, but not at the same entries."""
    loud = s.smooth & ~_quiet(s)
    mine = s.smooth & ~s.agrees_with(np.zeros(()), s.grain)
    if not FEWEST <= loud.sum() == mine.sum() < s.smooth.sum() or np.array_equal(loud, mine):
        return
    order = np.argsort(s.true[loud])
    true, bound = s.true[loud][order], s.bound[loud][order]
    if agrees(np.sort(s.claimed[mine]), true, bound + s.grain).all() and _are_chosen_so(s, mine):
        yield Finding(
            "missing-mask",
            f"{s.name} holds the right numbers at the wrong entries, with zeros between them: another "
            "entry of each group was chosen (argmin for argmax, a mask of another array).",
            {"mask": "elsewhere"},
        )


def _are_chosen_so(s: WrongGradient, mine: Array) -> bool:
    """Whether the claim is the true gradient where the entries it chose are the largest or the smallest.

    Then each stands for its own group; numbers in another order (a reshape, axes exchanged) do not.
    """
    out_of_reach = (1 + float(np.ptp(s.x))) * mine.astype(s.x.dtype)
    moved = (forward_at(s, s.position, s.x + move) for move in (out_of_reach, -out_of_reach))
    there = (NumericalWitness(f, s.context.dy).gradient(s.position) for f in filter(None, moved))
    return any(s.agrees_with(true.value, true.bound + s.grain).all() for true in there)


def mask_of_another(s: WrongGradient) -> Iterator[Finding]:
    """Both are the upstream gradient or zero, but not at the same entries."""
    dy = s.context.dy
    if dy.shape != s.claimed.shape or not s.wrong.any():
        return
    kept, passed = s.claimed != 0, s.agrees_with(dy, s.grain)
    should = agrees(s.true, dy, s.bound + s.grain)
    both_masks = (passed | ~kept) & (should | _quiet(s))
    if both_masks[s.smooth].all() and kept[s.smooth].any() and should[s.smooth].any():
        yield Finding(
            "missing-mask",
            f"{s.name} lets the upstream gradient through at the wrong entries: the mask is taken of "
            "another array, or by another condition.",
            {"entries": int(s.wrong.sum()), "mask": "another"},
        )


def _quiet(s: WrongGradient) -> Array:
    """Where the true gradient is zero, as far as can be seen."""
    return agrees(s.true, np.zeros(s.true.shape), s.bound + s.grain)
