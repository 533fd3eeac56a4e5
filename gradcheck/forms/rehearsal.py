"""One run of an object both ways, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.forms.arguments import Arguments
from gradcheck.forms.calling import Plan, outputs_of
from gradcheck.forms.dice import Dice
from gradcheck.forms.methods import Methods
from gradcheck.forms.objects import Begun, Module, no_step
from gradcheck.forms.state import Owner, copy_of, floats_in, held_in, reach
from gradcheck.forms.told import Inputs
from gradcheck.layer import Function
from gradcheck.outputs import Outputs
from gradcheck.trees import Path, is_array_or_float

OUTPUTS = ("output", "out", "outputs", "y", "value", "a", "A", "z", "Z")
"""What people call the attribute that a forward pass leaves its output in."""


def blank(
    pristine: Any, methods: Methods, arguments: Arguments, dice: Dice, *, alone: bool = False
) -> Module:
    """An object of which nothing is known yet but what its forward pass is called with."""
    leaves = arguments.tree.leaves
    nothing = Plan((), ())
    everything = Inputs(leaves, leaves)
    return Module(
        Owner(pristine), methods, arguments, dice, nothing, Outputs.of(()), everything, alone=alone
    )


def of_object(function: Function, owner: Any) -> Function:
    """A method's function as the method that it is."""
    bound: Function = function.__get__(owner)
    return bound


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What the object held before its backward pass and after it, and what that returned.

    `returned` is None and `raised` true where the backward pass ended in an exception.
    """

    form: Module
    before: Any
    after: Any
    returned: Any
    raised: bool

    @staticmethod
    def of(
        form: Module, planned: Callable[[Begun], Plan], step: Callable[[Any], float] = no_step
    ) -> Rehearsal:
        """Run a copy of the object once, its plan made from what the forward pass has left."""
        methods = form.methods
        begun = form.begin(methods.forward, form.inputs.values)
        if begun.result is None:
            form = replace(form, output=_output_of(begun.owner))
            begun = form.begin(methods.forward, form.inputs.values)
        chosen = planned(begun)
        outputs = Outputs.of(outputs_of(chosen, begun.result))
        drawn = tuple(form.dice.remarks(begun.stop))
        form = replace(form, plan=chosen, outputs=outputs, remarks=drawn)
        before = copy_of(begun.owner)
        try:
            returned = form.go_back(methods.backward, begun, outputs.drawn(0))
            step(begun.owner)
        except Exception:
            # That it raises is for the check itself to find.
            return Rehearsal(form, before, begun.owner, None, raised=True)
        return Rehearsal(form, before, begun.owner, returned, raised=False)

    @cached_property
    def arrays_after(self) -> dict[Path, Any]:
        """The arrays that the object holds after the backward pass, by each path that leads to one."""
        return {path: h.value for h in held_in(self.after) for path in h.paths}

    @property
    def moves(self) -> bool:
        """Whether the backward pass has changed an array that the object held before."""
        return any(self.has_moved(h.path) for h in floats_in(self.form.owner.pristine))

    def new_of(self, shape: tuple[int, ...], known: set[Path]) -> list[Path]:
        """The arrays of a shape that the backward pass has made or changed, without those that are known."""
        alike = [path for path, value in self.arrays_after.items() if np.shape(value) == shape]
        return [path for path in alike if path not in known and self.is_new(path)]

    def is_new(self, path: Path) -> bool:
        """Whether the backward pass has made or changed what stands at the end of a path."""
        before, after = reach(self.before, path), reach(self.after, path)
        return before is None or not np.array_equal(np.asarray(before), np.asarray(after))

    def has_moved(self, path: Path) -> bool:
        """Whether the backward pass has changed an array of the object."""
        return reach(self.before, path) is not None and self.is_new(path)


def _output_of(owner: Any) -> str:
    """The attribute that holds the output of a forward pass that returns nothing.

    Raises:
        TypeError: if none is called so.
    """
    for name in OUTPUTS:
        if is_array_or_float(getattr(owner, name, None)):
            return name
    raise TypeError(
        f"the forward pass of {type(owner).__name__} returns nothing, and leaves nothing in "
        f"{', '.join('self.' + name for name in OUTPUTS)}"
    )
