"""Running the layer again at other inputs: slopes a gradient must predict, and inputs turned round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import EXPLAINED
from gradcheck.diagnosis.wrong import WrongGradient, named_axes, subsets
from gradcheck.numeric import Forward, Variable, first_step, slope_along
from gradcheck.numeric.steps import median
from gradcheck.result import Array, Code, Finding

LARGEST = 1_000_000
"""Entries of an input beyond which it isn't altered to see what would become of the gradient."""
ROUND_OFF = 1e-7
"""What adding up the terms of a slope may lose, of their absolute sum: float32's ε."""

ROUGHLY = 0.1
"""What a quotient of two evaluations may miss by, of the sum's size: ten times what a model may."""


def only(dy: Array, axis: int, index: int) -> Array:
    """The upstream gradient of one index of an axis alone, zero for all others."""
    alone, place = np.zeros_like(dy), (slice(None),) * axis + (index,)
    alone[place] = dy[place]
    return alone


def predicts_slopes(gradient: Array, position: int, forward: Forward, dy: Array) -> bool:
    """Whether a gradient agrees with the slopes along two random directions, which must be sharp."""
    rng = np.random.default_rng(0)
    several = rng.normal(size=(2, *forward.inputs[position].shape))
    if not _is_about_right(gradient, several[0], position, forward, dy):
        return False
    noise = forward.noise(rng)

    def predicts(v: Array) -> bool:
        directions: list[Array | None] = [None] * len(forward.inputs)
        directions[position] = v
        slope, bound = slope_along(forward, directions, dy, noise)
        terms = gradient * v
        wide = bound + ROUND_OFF * float(np.abs(terms).sum())
        return bound <= EXPLAINED * norm(terms) and abs(slope - float(terms.sum())) <= wide

    return all(map(predicts, several))


def _is_about_right(gradient: Array, v: Array, position: int, forward: Forward, dy: Array) -> bool:
    """Whether one quotient of two evaluations says the same: most of what is tried is far from it."""
    x = Variable(forward, position)
    step = first_step(x.epsilon) * median(x.scale)
    up, down = (x.value(x.everything, x.at(x.everything, t * step * v)) for t in (1.0, -1.0))
    terms = gradient * v
    missed = abs(float((dy * (up - down)).sum()) / (2 * step) - float(terms.sum()))
    return bool(missed <= ROUGHLY * norm(terms))


def forward_at(s: WrongGradient, position: int, altered: Array) -> Forward | None:
    """The forward pass at a point where one input is another, if its value there is of the same shape."""
    inputs = list(s.context.inputs)
    inputs[position] = altered
    try:
        other = Forward(s.context.layer, inputs)
    except Exception:
        # Not every layer runs at every point; that is no finding.
        return None
    return other if other.value.shape == s.context.dy.shape else None


def altered_input(s: WrongGradient) -> Iterator[Finding]:
    """The hand-derived gradient is the true one of a layer whose input was transposed or flipped."""
    for position, (name, x) in enumerate(s.context.named_inputs):
        for code, change, altered in _alterations(s, position) if _can_be_turned(x) else ():
            other = forward_at(s, position, np.ascontiguousarray(altered))
            if other is not None and predicts_slopes(s.claimed, s.position, other, s.context.dy):
                yield Finding(
                    code,
                    f"{s.name} is what it would be if {name} were {change}: {LOOK_FOR[code]}.",
                    {"input": name, "change": change},
                )


LOOK_FOR: dict[Code, str] = {
    "transposed": "on the way back the other orientation is needed",
    "flipped": "on the way back the other orientation is needed",
    "missing-mask": "a mask is upside down, or argmin stands for argmax",
}
"""What to do about an input that was altered."""


def _can_be_turned(x: Array) -> bool:
    return x.dtype.kind == "f" and 2 <= x.size <= LARGEST


def _alterations(s: WrongGradient, position: int) -> Iterator[tuple[Code, str, Array]]:
    """An input, turned round in each way in which it might have been read."""
    x = s.x_of(position)
    if position == s.position:
        yield "missing-mask", "negated", -x
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        yield "transposed", "transposed", np.swapaxes(x, -1, -2)
    # Kernels are turned along both of their axes, wherever the channels are.
    for axes in subsets(x.ndim, most=2):
        yield "flipped", f"reversed along {named_axes(axes)}", np.flip(x, axes)
