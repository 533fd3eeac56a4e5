"""What is said of an object once it is understood: where its gradients are, what adds up, what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.forms.names import is_upstream, returned_names, unread
from gradcheck.forms.objects import LEFT, STEP, Module
from gradcheck.forms.saying import said, said_of
from gradcheck.forms.state import SELF, reach
from gradcheck.forms.told import Inputs, reaches, same
from gradcheck.result import Array, Finding
from gradcheck.trees import Path, spelled


def where(form: Module) -> list[Finding]:
    """Says where the gradients were found, of those that are not returned."""
    found = ((leaf.name, form.source_of(leaf.path)) for leaf in form.inputs.chosen)
    places = [f"{name} {source}" for name, source in found if source.kind in (LEFT, STEP)]
    return said_of(places, "Gradients were read here: {}.")


def accumulates(form: Module) -> Iterator[Finding]:
    """A remark where a second backward pass adds to what the first has left; the buffers begin at zero."""
    adding = _added_to(form, [s.path for s in form.sources.values() if s.kind == LEFT])
    _clear(form, adding)
    if adding:
        names = ", ".join(spelled((SELF, *path)) for path in adding)
        yield Finding(
            "accumulates",
            f"A second backward pass adds to {names} of the first: set it to zero in between. Here "
            "every evaluation had a fresh object, so this is a remark.",
            {"buffers": names},
        )


def _clear(form: Module, paths: Sequence[Path]) -> None:
    """Let buffers begin at zero."""
    for buffer in (reach(form.owner.pristine, path) for path in paths):
        if isinstance(buffer, np.ndarray):
            buffer[...] = 0


def _added_to(form: Module, paths: Sequence[Path]) -> list[Path]:
    """The gradients in an object to which a second backward pass adds what the first has added."""
    begun = form.begin(form.methods.forward, form.inputs.values)

    def held() -> list[Array]:
        return [np.array(reach(begun.owner, path)) for path in paths]

    def left() -> list[Array]:
        form.go_back(form.methods.backward, begun, form.outputs.drawn(0))
        return held()

    try:
        each = zip(paths, held(), left(), left(), strict=True)
    except Exception:
        # One that works once is a finding of the check itself.
        return []
    return [path for path, before, first, second in each if _grows(before, first, second)]


def _grows(before: Array, first: Array, second: Array) -> bool:
    """Whether both passes have added the same; what draws at random is another each time, and adds nothing."""
    if same(first, second) or second.shape != first.shape:
        return False
    begun = before if before.shape == first.shape and before.dtype.kind == "f" else 0 * first
    return bool(np.allclose(second - first, first - begun, rtol=1e-3))


def of_outputs(form: Module) -> list[Finding]:
    """Says from where is gone back, where that is not from all that the forward pass returns."""
    return [*_outputs_left_out(form), *comes_last(form), *scored(form)]


def _outputs_left_out(form: Module) -> list[Finding]:
    names = returned_names(form.methods.forward)
    called = [names.get((k,), f"output {k}") for k in form.plan.left_out]
    return said_of(
        called,
        "The backward pass takes no upstream gradient for {}: what flows back from there was not "
        "checked.",
        left_out=called,
    )


def comes_last(form: Module) -> list[Finding]:
    """Says of a loss that it is right as the last layer alone, where its way back leaves dout=1 unread."""
    back = form.methods.backward
    names = [] if form.plan.upstream else list(filter(is_upstream, unread(back)))
    return said_of(
        names,
        "backward does not look at {}: its gradients are those of a loss that comes last, where that is 1.",
    )


def scored(form: Module) -> list[Finding]:
    """Says of what the gradients are, where a model has a loss of its own."""
    score = form.methods.score
    if score is None:
        return []
    taken = ", ".join(name or "prediction" for name in score.taken)
    return [
        said(f"What is differentiated is {score.name}({taken}) of what the forward pass returns.")
    ]


def left_out(form: Module) -> list[Finding]:
    """Says which inputs and parameters move the outputs and have no gradient."""
    rest = (x for x in form.inputs.leaves if x not in form.inputs.chosen and x.hard)
    whole = replace(form, inputs=Inputs(form.inputs.leaves, form.inputs.leaves))
    out = [leaf.name for leaf in rest if reaches(whole.value, form.inputs.leaves, leaf)]
    return said_of(
        out,
        "No gradient of {} was found, so none was checked; parameters= says where a parameter's is, "
        "wrt= asks for an input's.",
        left_out=out,
    )
