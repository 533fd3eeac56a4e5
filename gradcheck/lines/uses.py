"""What flows back into a value from each of its uses: the step from one value to the next, cut out.

The way there is run with one value moved and every other held at what it was; what the next value
would have become shows the step between the two alone. Its upstream gradient is the true gradient
of that next value, so hypotheses apply to it as to a layer of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.diagnosis.diagnose import OF_THE_VALUE, diagnose
from gradcheck.diagnosis.wrong import Context, WrongGradient
from gradcheck.lines.instrument import Recorder
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.result import Array, Finding


@dataclass(frozen=True)
class Intermediate:
    """One meaning of a name on the way there: an input, a value, or the values of all time steps.

    `value` holds the steps along its first axis where there are `steps` of them; where each step
    writes into a part of one array, `places` are those parts and `value` is the whole.
    """

    name: str
    value: Array
    sites: tuple[int, ...] = ()
    position: int | None = None
    steps: int | None = None
    places: tuple[Any, ...] = ()
    reads: frozenset[str] = frozenset()

    def move(self, moved: Array) -> dict[int, Array]:
        """What to add at each site to have `moved` instead; nothing if nothing changes."""
        move = moved - self.value
        if not move.any():
            return {}
        return dict.fromkeys(self.sites, move if self.steps or self.places else move[None])

    def place(self, step: int | None) -> Any:
        """Where in `value` a time step is; everywhere if none is given."""
        if step is None:
            return ...
        return self.places[step] if self.places else step

    def by_step(self, array: Array) -> Array:
        """An array of this value's shape with its time steps first, if it has any."""
        return np.stack([array[place] for place in self.places]) if self.places else array


@dataclass(frozen=True)
class Use:
    """A value that is computed from another, its true gradient, and what lies between the two.

    `between` are the sites of values whose gradient nobody has named.
    """

    reading: Intermediate
    gradient: Array
    between: frozenset[int] = frozenset()


def diagnose_uses(
    suspect: WrongGradient,
    value: Intermediate,
    uses: list[Use],
    layer: Callable[..., Any],
    recorder: Recorder,
    inputs: list[Array],
    step: int | None = None,
) -> Finding | None:
    """Explain a wrong gradient by the uses of its value: one is left out, or the only one is wrong.

    Args:
        suspect: the gradient.
        value: what it is the gradient of.
        uses: the values computed from it.
        layer, recorder: the instrumented copy, which has recorded a run.
        inputs: the inputs of that run.
        step: the time step that `suspect` is about.
    """
    uses = [use for use in uses if step is None or len(use.reading.by_step(use.gradient)) > step]
    steps = [_step(value, use, layer, recorder, inputs, step) for use in uses]
    for use, witness in zip(uses, steps, strict=True):
        if witness is None or len(uses) < 2:
            continue
        found = _counted_wrongly(suspect, witness.gradient(0).value, use.reading.name)
        if found is not None:
            return found
    if len(uses) != 1 or steps[0] is None:
        return None
    forward, dy = steps[0].forward, steps[0].dy
    numeric = steps[0].gradient(0)
    # Only if nothing else flows into it is the step the whole story.
    if not (np.abs(numeric.value - suspect.true) <= 4 * (numeric.bound + suspect.bound)).all():
        return None
    context = Context(suspect.context.layer, [value.name], forward, dy, {})
    return diagnose(replace(suspect, context=context, position=0), OF_THE_VALUE)


def _counted_wrongly(suspect: WrongGradient, part: Array, through: str) -> Finding | None:
    """Whether what is wrong is the part that flows through one use, left out or with a wrong factor."""
    difference, square = suspect.claimed - suspect.true, float((part * part).sum())
    k = float((difference * part).sum()) / square if square > 0 else 0.0
    if k == 0 or not suspect.is_(suspect.true + k * part):
        return None
    how = "is missing" if abs(k + 1) < 1e-5 else f"is taken {k + 1:.6g} times"
    return Finding(
        "extra-term",
        f"In {suspect.name} the term that flows through {through} {how}: what is used in several "
        "places receives the sum of what flows back from each, once.",
        {"through": through, "factor": k},
    )


def _step(
    value: Intermediate,
    use: Use,
    layer: Callable[..., Any],
    recorder: Recorder,
    inputs: list[Array],
    step: int | None,
) -> NumericalWitness | None:
    """The step from a value to one that is computed from it, as a function with its upstream gradient."""
    watched = frozenset(use.reading.sites)

    def run(moved: Array) -> Array:
        arrays = [np.array(x) for x in inputs]
        whole = value.value.copy()
        whole[value.place(step)] = moved
        if value.position is not None:
            arrays[value.position] = whole
        moves = {} if value.position is not None else value.move(whole)
        recorder.start(moves, watched, use.between)
        layer(*arrays)
        seen = [piece for site in use.reading.sites for piece in recorder.seen.get(site, [])]
        if step is not None:
            return seen[step]
        return np.stack(seen) if use.reading.steps or use.reading.places else seen[0]

    dy = use.reading.by_step(use.gradient)
    dy = dy if step is None else dy[step]
    try:
        forward = Forward(run, [np.array(value.value[value.place(step)])])
        return NumericalWitness(forward, dy) if forward.value.shape == dy.shape else None
    except (ValueError, IndexError):
        return None
