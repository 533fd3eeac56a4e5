"""One run of an object both ways, to see how it is called and where its gradients are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.forms.arguments import Arguments
from gradcheck.forms.called import Entry, entries_of
from gradcheck.forms.calling import Plan, outputs_of
from gradcheck.forms.dice import Dice
from gradcheck.forms.gradients import name_by_name
from gradcheck.forms.names import returned_names, words
from gradcheck.forms.objects import LEFT, RETURNED, STEP, Begun, Methods, Module, Source, no_step
from gradcheck.forms.remarks import accumulates, left_out, where
from gradcheck.forms.state import (
    SELF,
    Held,
    Owner,
    copy_of,
    floats_in,
    gradient_path,
    held_in,
    reach,
)
from gradcheck.forms.told import Inputs, Outputs, asked_for
from gradcheck.forms.trees import Leaf, Path, spelled
from gradcheck.layer import Function, first_missing
from gradcheck.result import Finding

OUTPUTS = ("output", "out", "outputs", "y", "value", "a", "A", "z", "Z")
"""What people call the attribute that a forward pass leaves its output in."""


OF_THE_INPUT = tuple(
    (name,) for name in ("dinputs", "dinput", "dx", "dX", "grad_input", "grad_inputs", "input_grad")
)
"""What people call the attribute that holds the gradient of the input, whatever that is called."""


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
        drawn = tuple(form.dice.remarks(begun.state))
        form = replace(form, plan=chosen, outputs=outputs, remarks=drawn)
        before = copy_of(begun.owner)
        try:
            returned = form.go_back(methods.backward, begun, outputs.drawn(0))
            step(begun.owner)
        except Exception:
            # That it raises is for the check itself to find.
            return Rehearsal(form, before, begun.owner, None, raised=True)
        return Rehearsal(form, before, begun.owner, returned, raised=False)

    def understood(
        self,
        parameters: Any,
        step: Callable[[Any], float],
        wrt: Any,
        order: str | Sequence[str] | None = None,
    ) -> Module:
        """The object with its inputs, and where the gradient of each is."""
        held = floats_in(self.form.owner.pristine)
        places = said_parameters(parameters, held)
        left = self._left_in_the_object(held, places)
        owner = self._owner(held, {source.path for source in left.values()})
        sources = {(SELF, *path): source for path, source in left.items()}
        sources |= self._returned(_without(owner.leaves, sources), words(order) or None)
        sources |= self._of_inputs(sources)
        steps = {} if step is no_step else self._steps(_without(owner.leaves, sources))
        form = replace(
            self.form,
            owner=owner,
            sources=sources | steps,
            step=step if steps else no_step,
            moves=any(self._has_moved(h.path) for h in owner.held),
        )
        form = replace(form, inputs=self._inputs(form, places, wrt))
        return replace(form, remarks=(*form.remarks, *self._remarks(form)))

    def _owner(self, held: Sequence[Held], buffers: set[Path]) -> Owner:
        """The object with the arrays in it that are no buffers of gradients."""
        taken = [leaf.name for leaf in self.form.arguments.tree.leaves]
        rest = [h for h in held if not buffers & set(h.paths)]
        return Owner.of(self.form.owner.pristine, rest, taken)

    def _inputs(self, form: Module, places: Mapping[Path, Path | None], wrt: Any) -> Inputs:
        """What has a gradient, was named, or is an argument that needs none: labels; all where all are lost."""
        asked, known = asked_for(wrt), {(SELF, *path) for path in places} | form.sources.keys()
        lost = self.raised or not form.sources

        def counts(leaf: Leaf) -> bool:
            if leaf.path in known or leaf.name in asked:
                return True
            given = leaf.path[0] != SELF and leaf.hard
            return given and (lost or (leaf.is_argument and not leaf.floats))

        leaves = (*form.arguments.tree.leaves, *form.owner.leaves)
        chosen = tuple(filter(counts, leaves))
        lacking = [x for x in chosen if x.path[0] == SELF and x.path not in form.sources]
        return Inputs(leaves, chosen, tuple(lacking))

    def _remarks(self, form: Module) -> list[Finding]:
        """How the object was understood."""
        if self.raised:
            return []
        return [*where(form), *accumulates(form), *left_out(form)]

    def _left_in_the_object(
        self, held: Sequence[Held], places: Mapping[Path, Path | None]
    ) -> dict[Path, Source]:
        """The gradients that the object itself holds after the backward pass."""
        found: dict[Path, Path] = {}
        for h in held:
            place = places.get(h.path) or gradient_path(h, self.arrays_after)
            if place is not None and place not in h.paths:
                found[h.path] = place
        buffers = set(found.values())
        return {path: Source(LEFT, place) for path, place in found.items() if path not in buffers}

    @cached_property
    def arrays_after(self) -> dict[Path, Any]:
        """The arrays that the object holds after the backward pass, by each path that leads to one."""
        return {path: h.value for h in held_in(self.after) for path in h.paths}

    def _of_inputs(self, sources: Mapping[Path, Source]) -> dict[Path, Source]:
        """The inputs' gradients, where the backward pass leaves them in the object: self.dinputs."""
        if self.returned is not None:
            return {}
        leaves = _without(self.form.arguments.tree.leaves, sources)
        after = self.arrays_after
        places = {x.path: gradient_path(Held(x.value, (x.path,)), after) for x in leaves}
        found = {path: Source(LEFT, place) for path, place in places.items() if place is not None}
        return found or self._of_the_first(leaves)

    def _of_the_first(self, leaves: Sequence[Leaf]) -> dict[Path, Source]:
        """The first input's gradient, where the object keeps it under a name that fits any."""
        first = [leaf.path for leaf in leaves if leaf.hard][:1]
        own = [place for place in OF_THE_INPUT if place in self.arrays_after][:1]
        return {path: Source(LEFT, place) for path, place in zip(first, own, strict=False)}

    def _returned(self, mine: Sequence[Leaf], order: Sequence[str] | None) -> dict[Path, Source]:
        """The gradients that the backward pass returns: by name, then the inputs' in order, then by shape."""
        entries = self._entries()
        inputs = [leaf for leaf in self.form.arguments.tree.leaves if leaf.floats]
        alone, whole = self.form.alone, not self.form.plan.upstream
        found = name_by_name(entries, inputs, mine, order, guess_beside=not alone, whole=whole)
        return {leaf: Source(RETURNED, path) for leaf, path in found.items()}

    def _entries(self) -> list[Entry]:
        """The gradients that the backward pass returns; of a function alone all but its value."""
        if self.returned is None:
            return []
        entries = list(entries_of(self.returned, returned_names(self.form.methods.backward)))
        if not self.form.alone:
            return entries
        return [one for one in entries if one.path and one.path[0] not in self.form.plan.outputs]

    @property
    def moves(self) -> bool:
        """Whether the backward pass has changed an array that the object held before."""
        return any(self._has_moved(h.path) for h in floats_in(self.form.owner.pristine))

    def _has_moved(self, path: Path) -> bool:
        """Whether the backward pass has changed an array of the object."""
        before, after = reach(self.before, path), reach(self.after, path)
        return before is not None and not np.array_equal(np.asarray(before), np.asarray(after))

    def _steps(self, mine: Sequence[Leaf]) -> dict[Path, Source]:
        """The parameters that a step has moved."""
        paths = [leaf.path for leaf in mine if self._has_moved(leaf.path[1:])]
        return {path: Source(STEP, path[1:]) for path in paths}


def _without(leaves: Sequence[Leaf], sources: Mapping[Path, Source]) -> list[Leaf]:
    """The leaves whose gradient has not been found yet."""
    return [leaf for leaf in leaves if leaf.path not in sources]


def _output_of(owner: Any) -> str:
    """The attribute that holds the output of a forward pass that returns nothing.

    Raises:
        TypeError: if none is called so.
    """
    for name in OUTPUTS:
        if isinstance(getattr(owner, name, None), (np.ndarray, float, np.floating)):
            return name
    raise TypeError(
        f"the forward pass of {type(owner).__name__} returns nothing, and leaves nothing in "
        f"{', '.join('self.' + name for name in OUTPUTS)}"
    )


def said_parameters(parameters: Any, held: Sequence[Held]) -> dict[Path, Path | None]:
    """The parameters that were named, each with the place of its gradient, where that was said.

    Raises:
        TypeError: for a name that leads to no array of the object.
    """
    named = isinstance(parameters, Mapping)
    places = parameters if named else dict.fromkeys(words(parameters))
    paths = {spelled(path): h.path for h in held for path in h.paths}
    unknown = first_missing(places, paths)
    if unknown is not None:
        known = ", ".join(paths) or "none"
        raise TypeError(f"the object holds no array {unknown!r}; it holds {known}")
    return {paths[name]: place and _path(place) for name, place in places.items()}


def _path(text: str) -> Path:
    parts = text.removeprefix("self.").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)
