"""Where the gradients of an object are, as one run of it both ways has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np

from gradcheck.binding import first_missing
from gradcheck.forms.called import Entry, entries_of
from gradcheck.forms.gradients import name_by_name
from gradcheck.forms.names import is_target, returned_names, words
from gradcheck.forms.objects import LEFT, RETURNED, STEP, Module, Source, no_step
from gradcheck.forms.rehearsal import Rehearsal
from gradcheck.forms.remarks import accumulates, left_out, of_outputs, where
from gradcheck.forms.state import SELF, Held, Owner, floats_in, gradient_path, reach
from gradcheck.forms.told import Inputs, asked_for, reaches, same
from gradcheck.result import Array
from gradcheck.trees import Leaf, Path, only, spelled

OF_THE_INPUT = ("dinputs", "dinput", "dx", "dX", "grad_input", "grad_inputs", "input_grad")
"""What people call the attribute that holds the gradient of the input, whatever that is called."""

Step = Callable[[Any], float]
"""Takes the step that gradients are read off, and says how long it is."""


def understood(
    run: Rehearsal, parameters: Any, step: Step, wrt: Any, order: str | Sequence[str] | None
) -> Module:
    """The object with its inputs, and where the gradient of each is."""
    held = _its_own(run)
    places = said_parameters(parameters, held)
    sources = _left_in_the_object(run, held, places)
    owner = _owner(run, held, {source.path for source in sources.values()})
    sources |= _returned(run, _without(owner.leaves, sources), words(order, "gradients"))
    sources |= _of_inputs(run, sources)
    steps = {} if step is no_step else _steps(run, owner, _without(owner.leaves, sources), step)
    form = replace(
        run.form,
        owner=owner,
        sources=sources | steps,
        step=step if steps else no_step,
        moves=any(run.has_moved(h.path) for h in owner.held),
    )
    form = replace(form, inputs=_inputs(run, form, places, wrt))
    if run.raised:
        return form
    remarks = (*where(form), *accumulates(form), *of_outputs(form), *left_out(form))
    return replace(form, remarks=(*form.remarks, *remarks))


def _its_own(run: Rehearsal) -> list[Held]:
    """The arrays of floats in the object, without the inputs that an earlier pass has kept there."""
    leaves = filter(attrgetter("floats"), run.form.arguments.tree.leaves)
    given = [leaf.value for leaf in leaves if np.unique(leaf.value)[1:].size]
    held = floats_in(run.form.owner.pristine)
    return [h for h in held if not any(same(np.asarray(h.value), x) for x in given)]


def _left_in_the_object(
    run: Rehearsal, held: Sequence[Held], places: Mapping[Path, Path | None]
) -> dict[Path, Source]:
    """The gradients that the object itself holds after the backward pass."""
    found: dict[Path, Path] = {}
    for h in held:
        place = places.get(h.path) or gradient_path(h, run.arrays_after)
        if place is not None and place not in h.paths:
            found[h.path] = place
    buffers = set(found.values())
    return {(SELF, *a): Source(LEFT, place) for a, place in found.items() if a not in buffers}


def _owner(run: Rehearsal, held: Sequence[Held], buffers: set[Path]) -> Owner:
    """The object with the arrays in it that are no buffers of gradients."""
    taken = [leaf.name for leaf in run.form.arguments.tree.leaves]
    rest = [h for h in held if not buffers & set(h.paths)]
    return Owner.of(run.form.owner.pristine, rest, taken)


def _without(leaves: Sequence[Leaf], sources: Mapping[Path, Source]) -> list[Leaf]:
    """The leaves whose gradient has not been found yet."""
    return [leaf for leaf in leaves if leaf.path not in sources]


def _returned(run: Rehearsal, mine: Sequence[Leaf], order: Sequence[str]) -> dict[Path, Source]:
    """The gradients that the backward pass returns: by name, then the inputs' in order, then by shape."""
    inputs = list(filter(attrgetter("floats"), run.form.arguments.tree.leaves))
    alone, whole = run.form.alone, not run.form.plan.upstream
    found = name_by_name(_entries(run), inputs, mine, order, guess_beside=not alone, whole=whole)
    return {leaf: Source(RETURNED, path) for leaf, path in found.items()}


def _entries(run: Rehearsal) -> list[Entry]:
    """The gradients that the backward pass returns; of a function alone all but its value."""
    if run.returned is None:
        return []
    entries = list(entries_of(run.returned, returned_names(run.form.methods.backward)))
    if not run.form.alone:
        return entries
    return [one for one in entries if one.path and one.path[0] not in run.form.plan.outputs]


def _of_inputs(run: Rehearsal, sources: Mapping[Path, Source]) -> dict[Path, Source]:
    """The inputs' gradients, where the backward pass leaves them in the object: self.dinputs."""
    if run.returned is not None:
        return {}
    leaves = _without(run.form.arguments.tree.leaves, sources)
    after = run.arrays_after
    places = ((x.path, gradient_path(Held(x.value, (x.path,)), after)) for x in leaves)
    found = {path: Source(LEFT, place) for path, place in places if place}
    return found or _of_the_first(leaves, after) or _of_its_shape(run, leaves, sources)


def _of_the_first(leaves: Sequence[Leaf], after: Mapping[Path, Any]) -> dict[Path, Source]:
    """The first input's gradient, where the object keeps it under a name that fits any."""
    inputs = (leaf.path for leaf in leaves if leaf.hard)
    places = (Source(LEFT, (name,)) for name in OF_THE_INPUT if (name,) in after)
    return dict(islice(zip(inputs, places, strict=False), 1))


def _of_its_shape(
    run: Rehearsal, leaves: Sequence[Leaf], sources: Mapping[Path, Source]
) -> dict[Path, Source]:
    """The only input's gradient, where the backward pass leaves one array of its shape, whatever its name."""
    leaf = _lone(list(filter(attrgetter("stands_alone"), leaves)))
    if leaf is None or run.raised:
        return {}
    new = run.new_of(leaf.value.shape, {source.path for source in sources.values()})
    place = only(_made(run, new)) or only(new)
    return {leaf.path: Source(LEFT, place)} if place else {}


def _lone(inputs: Sequence[Leaf]) -> Leaf | None:
    """The only input, or the only one that is no target."""
    return only(inputs) or only([leaf for leaf in inputs if not is_target(leaf.name)])


def _made(run: Rehearsal, new: Sequence[Path]) -> list[Path]:
    """Those that the backward pass makes: what it was handed may be kept beside them."""
    given = run.form.outputs.drawn(0)
    return [path for path in new if not any(map(partial(same, run.arrays_after[path]), given))]


def _steps(run: Rehearsal, owner: Owner, mine: Sequence[Leaf], step: Step) -> dict[Path, Source]:
    """The parameters that a step has moved, and whose gradient can be read off it."""
    moved = [leaf for leaf in mine if run.has_moved(leaf.path[1:])]
    leaves = (*run.form.arguments.tree.leaves, *owner.leaves)
    form = replace(run.form, owner=owner, inputs=Inputs(leaves, leaves), moves=True)
    kept = _kept_beside(form, moved)
    parameters = [leaf for leaf in moved if leaf not in kept]
    read = _following(form, parameters, step) if kept else parameters
    return {leaf.path: Source(STEP, leaf.path[1:]) for leaf in read}


def _kept_beside(form: Module, moved: Sequence[Leaf]) -> list[Leaf]:
    """What is no parameter, though it moves: it has the shape of one, and no output feels it. A momentum."""
    felt = [leaf for leaf in moved if reaches(form.value, form.inputs.leaves, leaf)]
    shapes = {leaf.value.shape for leaf in felt}
    return [leaf for leaf in moved if leaf not in felt and leaf.value.shape in shapes]


def _following(form: Module, several: Sequence[Leaf], step: Step) -> list[Leaf]:
    """Those that move twice as far for twice the upstream gradient, as Adam's do not, nor what has a momentum."""

    def moves(factor: float) -> list[Array]:
        begun = form.begin(form.methods.forward, form.inputs.values)
        upstream = form.outputs.upstream(np.asarray(factor * form.outputs.random(0)))
        form.go_back(form.methods.backward, begun, upstream)
        step(begun.owner)
        return [np.asarray(reach(begun.owner, leaf.path[1:]) - leaf.value) for leaf in several]

    together = zip(several, moves(1.0), moves(2.0), strict=True)
    return [leaf for leaf, once, twice in together if np.allclose(2 * once, twice, rtol=1e-3)]


def _inputs(run: Rehearsal, form: Module, places: Iterable[Path], wrt: Any) -> Inputs:
    """What has a gradient, was named, or is an argument that needs none: labels; all where all are lost."""
    asked, known = asked_for(wrt), {(SELF, *path) for path in places} | form.sources.keys()
    lost = run.raised or not form.sources

    def is_wanted(leaf: Leaf) -> bool:
        return leaf.path in known or leaf.name in asked

    def needs_none(leaf: Leaf) -> bool:
        return leaf.hard and (lost or (leaf.is_argument and not leaf.floats))

    given, own = form.arguments.tree.leaves, form.owner.leaves
    mine = tuple(filter(is_wanted, own))
    chosen = (*(leaf for leaf in given if is_wanted(leaf) or needs_none(leaf)), *mine)
    return Inputs((*given, *own), chosen, tuple(_without(mine, form.sources)))


def said_parameters(parameters: Any, held: Sequence[Held]) -> dict[Path, Path | None]:
    """The parameters that were named, each with the place of its gradient, where that was said.

    Raises:
        TypeError: for a name that leads to no array of the object.
    """
    said = _said(parameters)
    paths = {spelled(path): h.path for h in held for path in h.paths}
    unknown = first_missing(said, paths)
    if unknown is not None:
        known = ", ".join(paths) or "none"
        raise TypeError(f"the object holds no array {unknown!r}; it holds {known}")
    return {paths[name]: place for name, place in said.items()}


def _said(parameters: Any) -> dict[str, Path | None]:
    """Names, or a dict from each to the attribute that holds its gradient."""
    if not isinstance(parameters, Mapping):
        return dict.fromkeys(words(parameters, "parameters"))
    return {name: place and _path(place) for name, place in parameters.items()}


def _path(text: str) -> Path:
    parts = text.removeprefix("self.").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)
