"""What is said of an object once it is understood: where its gradients are, what adds up, what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.forms.calling import outputs_of
from gradcheck.forms.objects import LEFT, STEP, Module
from gradcheck.forms.state import (
    reach,
)
from gradcheck.forms.told import Inputs, moved, said, same
from gradcheck.forms.trees import Leaf, Path
from gradcheck.result import Finding


def where(form: Module) -> list[Finding]:
    """Says where the gradients were found, of those that are not returned."""
    places = []
    for leaf in form.inputs.chosen:
        source = form.sources.get(leaf.path)
        if source is not None and source.kind == LEFT:
            places.append(f"{leaf.name} in self.{'.'.join(map(str, source.path))}")
        elif source is not None and source.kind == STEP:
            places.append(f"{leaf.name} off a step")
    return [said(f"Gradients were read here: {', '.join(places)}.")] if places else []


def accumulates(form: Module) -> list[Finding]:
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


def left_out(form: Module) -> list[Finding]:
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
