"""What flows back into a value from each of its uses: the step from one value to the next, cut out.

The forward pass is run with one value moved and every other held at what it was; what the next value
would have become shows the step between the two alone. Its upstream gradient is the true gradient
of that next value, so hypotheses apply to it as to a layer of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from gradcheck.diagnosis.diagnose import OF_THE_VALUE, diagnose
from gradcheck.diagnosis.wrong import Context, WrongGradient, factor
from gradcheck.layer import copies
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Replay
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.result import Array, Finding

WHOLE = 1e-5
"""A fitted factor this near to −1 says that a term is missing: fits are good to half the digits."""


@dataclass(frozen=True)
class Use:
    """A value that is computed from another, its true gradient, and what lies between the two.

    `between` are the sites of values whose gradient nobody has named.
    """

    intermediate: Intermediate
    gradient: Array
    between: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Source:
    """A value whose uses are looked at: at one time step, if a step is given.

    `record` is that of the run which computed it.
    """

    value: Intermediate
    record: Record
    step: int | None

    def has(self, use: Use) -> bool:
        """Whether a use reaches the time step that is looked at."""
        return self.step is None or len(use.intermediate.places or use.gradient) > self.step

    def through(self, use: Use) -> NumericalWitness | None:
        """The step from the value to a use, as a function with its upstream gradient."""
        try:
            dy = self._at_step(use.intermediate.by_step(use.gradient))
            x = np.array(self.value.value[self.value.place(self.step)])
            forward = Forward(lambda moved: self._become(use, moved), [x])
            return NumericalWitness(forward, dy) if forward.value.shape == dy.shape else None
        except (ValueError, IndexError):
            return None

    def _at_step(self, array: Array) -> Array:
        return array if self.step is None else array[self.step]

    def _become(self, use: Use, moved: Array) -> Array:
        """What a use becomes if the value is moved and every other is held."""
        value, used, copy = self.value, use.intermediate, self.record.copy
        arrays = copies(self.record.context.inputs)
        whole = value.value.copy()
        whole[value.place(self.step)] = moved
        if value.is_input:
            arrays[value.position] = whole
        copy.recorder.start(value.move(whole), Replay(frozenset(used.sites), use.between))
        copy.layer(*arrays)
        seen = [*chain(*(copy.recorder.seen.get(site, ()) for site in used.sites))]
        if self.step is not None:
            return seen[self.step]
        return np.stack(seen) if used.each_place else seen[used.passing]


def diagnose_uses(suspect: WrongGradient, source: Source, uses: list[Use]) -> Finding | None:
    """Explain a wrong gradient by the uses of its value: one is left out, or the only one is wrong."""
    steps = [(use, source.through(use)) for use in filter(source.has, uses)]
    explain = _in_the_step if len(steps) == 1 else _counted_wrongly
    told = (explain(suspect, use, step, source) for use, step in steps if step is not None)
    return next(filter(None, told), None)


def _in_the_step(
    suspect: WrongGradient, _: Use, step: NumericalWitness, source: Source
) -> Finding | None:
    """What is wrong with the only step that anything flows back through."""
    numeric = step.gradient(0)
    # Only if nothing else flows into it is the step the whole story.
    if not (np.abs(numeric.value - suspect.true) <= 4 * (numeric.bound + suspect.bound)).all():
        return None
    context = Context(suspect.context.layer, [source.value.name], step.forward, step.dy, {})
    return diagnose(replace(suspect, context=context, position=0), OF_THE_VALUE)


def _counted_wrongly(
    suspect: WrongGradient, use: Use, step: NumericalWitness, _: Source
) -> Finding | None:
    """Whether what is wrong is the part that flows through one use, left out or with a wrong factor."""
    part, through = step.gradient(0).value, use.intermediate.name
    with np.errstate(all="ignore"):
        k = factor(suspect.claimed - suspect.true, part)
    if k == 0 or not suspect.is_(suspect.true + k * part):
        return None
    how = "is missing" if abs(k + 1) < WHOLE else f"is taken {k + 1:.6g} times"
    return Finding(
        "extra-term",
        f"In {suspect.name} the term that flows through {through} {how}: what is used in several "
        "places receives the sum of what flows back from each, once.",
        {"through": through, "factor": k},
    )
