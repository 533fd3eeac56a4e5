"""What both passes of a layer have given a name to, as numbers, when they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layer import Adapted, Layer, copies, run
from gradcheck.lines import Unreadable, backward_text, rewritten
from gradcheck.lines.handing import at_work
from gradcheck.lines.source import Source, returned_function
from gradcheck.repair.scope import shape_of
from gradcheck.repair.watch import SEEN, Watch, lines_of, watched
from gradcheck.result import Array

Values = dict[str, Array]


def named_values(layer: Layer, inputs: Sequence[Array], upstream: Array) -> tuple[Values, Values]:
    """The values by name of the forward and of the backward pass; none where the source cannot be read."""
    ahead, behind = Watch(), Watch()
    try:
        _, backward = run(layer, copies(inputs))
        written = backward_text(layer, backward)
        if isinstance(layer, Adapted):
            there = at_work(layer.forward)
            forward = there.bound(_reporting(there, ahead))
            _run(layer.assemble(forward, layer.backward), inputs, upstream)
        _run(rewritten(layer, written, _reporting(written.source, behind)), inputs, upstream)
    except (Unreadable, ValueError, TypeError):
        return {}, {}
    inner = lines_of(returned_function(at_work(layer).tree) if written.inside else None)
    within, without = behind.last(inner)
    if written.inside:
        return _arrays(without), _arrays(within)
    return _arrays(ahead.last(inner)[1]), _arrays(without)


def _reporting(source: Source, watch: Watch) -> Callable[..., Any]:
    """A function, compiled so that it reports its names."""
    return source.compiled(watched(source.tree), {SEEN: watch})


def _run(layer: Layer, inputs: Sequence[Array], upstream: Array) -> None:
    _, backward = run(layer, copies(inputs))
    backward(upstream.copy())


def _arrays(names: Mapping[str, object]) -> Values:
    """The numbers and arrays among names."""
    numbers = {n: v for n, v in names.items() if shape_of(v) is not None}
    return {n: np.asarray(v) for n, v in numbers.items() if not isinstance(v, bool)}
