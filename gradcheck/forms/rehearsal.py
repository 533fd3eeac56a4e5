"""One run of an object both ways, to see how it is called and where its gradients are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.forms.calling import Arguments, Plan, Role, outputs_of, plan
from gradcheck.forms.gradients import entries_of, name_by_name
from gradcheck.forms.names import is_upstream, parameters_of, returned_names
from gradcheck.forms.objects import LEFT, RETURNED, STEP, Begun, Methods, Module, Source
from gradcheck.forms.state import SELF, Held, Owner, copy_of, gradient_path, held_in, reach
from gradcheck.forms.told import Dice, Inputs, Outputs, moved, said, same
from gradcheck.forms.trees import Leaf, Path
from gradcheck.result import Finding

RATES = ("learning_rate", "lr", "eta", "step_size", "rate", "alpha")
"""What people call the length of a step."""
OUTPUTS = ("output", "out", "outputs", "y", "value", "a", "A", "z", "Z")
"""What people call the attribute that a forward pass leaves its output in."""
RATE = 1024.0
"""The step that a gradient is read off: (before − after) / step. Large, so that the rounding of the
weights is small beside it; a power of two, so that the division adds none."""


def adapt_module(
    module: Any,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    *,
    parameters: Any = None,
    forward: str = "forward",
    backward: str = "backward",
    update: str | float | None = None,
    order: str | Sequence[str] | None = None,
    seed: int | None = None,
    wrt: Any = None,
) -> Module:
    """Understand an object; the arguments are those of `check_module`."""
    methods = Methods.of(module, forward, backward)
    owner = copy_of(module)
    taken = [p.name for p in parameters_of(of_object(methods.backward, owner))]
    arguments = Arguments.of(of_object(methods.forward, owner), inputs, named, taken)
    known = {*arguments.signature.parameters, *arguments.beyond}
    rates = [name for name in taken if name not in known and _is_rate(name, update)]
    arguments = replace(arguments, beyond={**arguments.beyond, **dict.fromkeys(rates, RATE)})
    step = _step(owner, update, bool(rates))
    form = blank(owner, methods, arguments, Dice(seed))
    given = tuple(arguments.tree.template)
    run = Rehearsal.of(form, lambda begun: _planned(methods, begun, given), step)
    return run.understood(parameters, step, wrt, order)


def blank(
    pristine: Any, methods: Methods, arguments: Arguments, dice: Dice, *, alone: bool = False
) -> Module:
    """An object of which nothing is known yet but what its forward pass is called with."""
    leaves = arguments.tree.leaves
    nothing = Plan((), None, ())
    everything = Inputs(leaves, leaves)
    return Module(
        Owner(pristine), methods, arguments, dice, nothing, Outputs.of(()), everything, alone=alone
    )


def of_object(function: Callable[..., Any], owner: Any) -> Callable[..., Any]:
    """A method's function as the method that it is."""
    bound: Callable[..., Any] = function.__get__(owner)
    return bound


def _is_rate(name: str, update: str | float | None) -> bool:
    return name == update or (name in RATES and update is None)


def _step(
    owner: Any, update: str | float | None, in_backward: bool
) -> Callable[[Any], float] | None:
    """What takes the step that gradients are read off, and says how long it is; None for no steps.

    Raises:
        TypeError: if `update` is neither an argument of the backward pass nor a method.
    """
    if isinstance(update, (int, float)):
        length = float(update)
        return lambda _: length
    if isinstance(update, str) and callable(getattr(owner, update, None)):
        return lambda owner: _stepped(getattr(owner, update))
    if isinstance(update, str) and not in_backward:
        raise TypeError(
            f"update={update!r} is neither an argument of the backward pass nor a method of "
            f"{type(owner).__name__}"
        )
    return (lambda _: RATE) if in_backward else None


def _stepped(method: Callable[[float], Any]) -> float:
    method(RATE)
    return RATE


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
        form: Module,
        planned: Callable[[Begun], Plan],
        step: Callable[[Any], float] | None = None,
    ) -> Rehearsal:
        """Run a copy of the object once.

        Args:
            form: the object, its plan still to be made.
            planned: makes it from what a forward pass has left.
            step: takes a step after the backward pass, where gradients are read off it.
        """
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
            if step is not None:
                step(begun.owner)
        except Exception:
            # That it raises is for the check itself to find.
            return Rehearsal(form, before, begun.owner, None, raised=True)
        return Rehearsal(form, before, begun.owner, returned, raised=False)

    def understood(
        self,
        parameters: Any,
        step: Callable[[Any], float] | None,
        wrt: Any,
        order: str | Sequence[str] | None = None,
    ) -> Module:
        """The object with its inputs, and where the gradient of each is."""
        held = [h for h in held_in(self.form.owner.pristine) if _is_float(h.value)]
        places = said_parameters(parameters, held)
        left = self._left_in_the_object(held, places)
        owner = self._owner(held, {source.path for source in left.values()})
        sources = {(SELF, *path): source for path, source in left.items()}
        sources |= self._returned(_without(owner.leaves, sources), words(order))
        sources |= self._of_inputs(sources)
        steps = self._steps(_without(owner.leaves, sources)) if step else {}
        form = replace(
            self.form,
            owner=owner,
            sources=sources | steps,
            step=step if step and steps else lambda _: 1.0,
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
        """What has a gradient, was named, or is an argument that needs none."""
        asked = {wrt} if isinstance(wrt, str) else set(wrt or ())
        known = {(SELF, *path) for path in places} | form.sources.keys()
        leaves = (*form.arguments.tree.leaves, *form.owner.leaves)
        lost = self.raised or not form.sources
        chosen = [x for x in leaves if x.path in known or x.name in asked or _is_input(x, lost)]
        return Inputs(leaves, tuple(chosen))

    def _remarks(self, form: Module) -> list[Finding]:
        """How the object was understood."""
        if self.raised:
            return []
        return [*_where(form), *_accumulates(form), *_left_out(form)]

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
        return {path: Source(LEFT, place) for path, place in places.items() if place is not None}

    def _returned(self, mine: Sequence[Leaf], order: Sequence[str] | None) -> dict[Path, Source]:
        """The gradients that the backward pass returns: by name, then the inputs' in order, then by shape."""
        names = returned_names(self.form.methods.backward)
        entries = list(entries_of(self.returned))
        if self.form.alone:
            value = self.form.plan.outputs
            entries = [(path, item) for path, item in entries if path and path[0] not in value]
        inputs = [x for x in self.form.arguments.tree.leaves if _is_float(x.value)]
        found = name_by_name(entries, inputs, mine, names, order, guess_beside=not self.form.alone)
        return {leaf: Source(RETURNED, path) for leaf, path in found.items()}

    def _has_moved(self, path: Path) -> bool:
        """Whether the backward pass has changed an array of the object."""
        before, after = reach(self.before, path), reach(self.after, path)
        return before is not None and not np.array_equal(np.asarray(before), np.asarray(after))

    def _steps(self, mine: Sequence[Leaf]) -> dict[Path, Source]:
        """The parameters that a step has moved."""
        paths = [leaf.path for leaf in mine if self._has_moved(leaf.path[1:])]
        return {path: Source(STEP, path[1:]) for path in paths}


def _is_input(leaf: Leaf, lost: bool) -> bool:
    """Whether an argument is an input also without a gradient: labels; everything where all are `lost`."""
    if leaf.path[0] == SELF or leaf.soft:
        return False
    return lost or (len(leaf.path) == 1 and leaf.value.dtype.kind != "f")


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def _without(leaves: Sequence[Leaf], sources: Mapping[Path, Source]) -> list[Leaf]:
    """The leaves whose gradient has not been found yet."""
    return [leaf for leaf in leaves if leaf.path not in sources]


def _accumulates(form: Module) -> list[Finding]:
    """A remark where a second backward pass adds to what the first has left; the buffers begin at zero."""
    adding = _added_to(form, [s.path for s in form.sources.values() if s.kind == LEFT])
    if not adding:
        return []
    for path in adding:
        buffer = reach(form.owner.pristine, path)
        if isinstance(buffer, np.ndarray):
            buffer[...] = 0
    names = ", ".join("self." + ".".join(map(str, path)) for path in adding)
    return [
        Finding(
            "accumulates",
            f"A second backward pass adds to {names} of the first: set it to zero in between. Here "
            "every evaluation had a fresh object, so this is a remark.",
            {"buffers": names},
        )
    ]


def _added_to(form: Module, paths: Sequence[Path]) -> list[Path]:
    """The gradients in an object that a second backward pass leaves otherwise than the first."""
    begun = form.begin(form.methods.forward, form.inputs.values)
    values = []
    try:
        for _ in range(2):
            form.go_back(form.methods.backward, begun, form.outputs.drawn(0))
            values.append([np.array(reach(begun.owner, path)) for path in paths])
    except Exception:
        # One that works once is a finding of the check itself.
        return []
    return [path for path, one, two in zip(paths, *values, strict=True) if not same(one, two)]


def _left_out(form: Module) -> list[Finding]:
    """Says which inputs and parameters move the outputs and have no gradient."""
    rest = [x for x in form.inputs.leaves if x not in form.inputs.chosen and not x.soft]
    out = [leaf.name for leaf in rest if _reaches(form, leaf)]
    if not out:
        return []
    return [
        said(
            f"No gradient of {', '.join(out)} was found, so none was checked; parameters= says "
            "where a parameter's is, wrt= asks for an input's.",
            left_out=out,
        )
    ]


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


def _planned(methods: Methods, begun: Begun, given: Sequence[str]) -> Plan:
    """How the backward pass is called; that of a loss is handed what its forward pass was."""
    backward = of_object(methods.backward, begun.owner)
    required = [p.name for p in parameters_of(backward) if p.default is p.empty]
    if np.ndim(begun.result) == 0 and len(required) == len(given) > 1 and _renamed(required, begun):
        roles = [Role(p, "input", name) for p, name in zip(required, given, strict=True)]
        return Plan((0,), None, tuple(roles))
    return plan(backward, list(begun.known), begun.result, returned_names(methods.forward))


def _renamed(required: Sequence[str], begun: Begun) -> bool:
    """Whether a loss's backward pass takes prediction and target under other names."""
    unknown = any(name not in begun.known for name in required)
    return unknown and not any(map(is_upstream, required))


def words(text: str | Sequence[str] | None) -> list[str] | None:
    """Names written in a row, "W b", as a list."""
    if text is None:
        return None
    return text.replace(",", " ").split() if isinstance(text, str) else list(text)


def parameter_names(parameters: Any) -> list[str]:
    """The names of the parameters that were named."""
    return words(parameters) or []


def said_parameters(parameters: Any, held: Sequence[Held]) -> dict[Path, Path | None]:
    """The parameters that were named, each with the place of its gradient, where that was said.

    Raises:
        TypeError: for a name that leads to no array of the object.
    """
    names = parameter_names(parameters)
    places = parameters if isinstance(parameters, Mapping) else dict.fromkeys(names)
    paths = {".".join(map(str, path)): h.path for h in held for path in h.paths}
    unknown = [name for name in places if name not in paths]
    if unknown:
        raise TypeError(
            f"the object holds no array {unknown[0]!r}; it holds {', '.join(paths) or 'none'}"
        )
    return {paths[name]: place and _path(place) for name, place in places.items()}


def _path(text: str) -> Path:
    parts = text.removeprefix("self.").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _where(form: Module) -> list[Finding]:
    """Says where the gradients were found, of those that are not returned."""
    places = []
    for leaf in form.inputs.chosen:
        source = form.sources.get(leaf.path)
        if source is not None and source.kind == LEFT:
            places.append(f"{leaf.name} in self.{'.'.join(map(str, source.path))}")
        elif source is not None and source.kind == STEP:
            places.append(f"{leaf.name} off a step")
    return [said(f"Gradients were read here: {', '.join(places)}.")] if places else []


def _reaches(form: Module, leaf: Leaf) -> bool:
    """Whether moving an array moves the outputs."""
    leaves = form.inputs.leaves
    whole = replace(form, inputs=Inputs(leaves, leaves))
    elsewhere = [moved(x.value) if x is leaf else x.value for x in leaves]
    try:
        there, gone = (
            form.outputs.packed(outputs_of(form.plan, begun.result))
            for values in ([x.value for x in leaves], elsewhere)
            for begun in [whole.begin(form.methods.forward, values)]
        )
    except Exception:
        return False
    return not same(there, gone)
