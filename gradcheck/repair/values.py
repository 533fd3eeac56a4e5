"""What both passes of a layer have given a name to, as numbers, when they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layer import Adapted, Layer, copies, run
from gradcheck.lines import Unreadable, backward_text, rewritten
from gradcheck.lines.source import Source, returned_function
from gradcheck.repair.scope import SEEN, Watch, shape_of, watched
from gradcheck.result import Array

Values = dict[str, Array]


def named_values(layer: Layer, inputs: Sequence[Array], upstream: Array) -> tuple[Values, Values]:
    """The values by name of the forward and of the backward pass; none where the source cannot be read."""
    ahead, behind = Watch(), Watch()
    try:
        _, backward = run(layer, copies(inputs))
        written = backward_text(layer, backward)
        if isinstance(layer, Adapted):
            there = Source.of(layer.forward)
            forward = there.bound(_reporting(there, ahead))
            _run(layer.assemble(forward, layer.backward), inputs, upstream)
        _run(rewritten(layer, written, _reporting(written.source, behind)), inputs, upstream)
    except (Unreadable, ValueError, TypeError):
        return {}, {}
    if not written.inside:
        return _last(ahead), _last(behind)
    inner = returned_function(Source.of(layer).tree)
    lines = range(0) if inner is None else range(inner.lineno, (inner.end_lineno or 0) + 1)
    outside, within = Watch(), Watch()
    for (line, column), names in behind.found.items():
        (within if line in lines else outside).found[line, column] = names
    return _last(outside), _last(within)


def _reporting(source: Source, watch: Watch) -> Callable[..., Any]:
    """A function, compiled so that it reports its names."""
    return source.compiled(watched(source.tree), {SEEN: watch})


def _run(layer: Layer, inputs: Sequence[Array], upstream: Array) -> None:
    _, backward = run(layer, copies(inputs))
    backward(upstream.copy())


def _last(watch: Watch) -> Values:
    """The arrays that the last statement sees."""
    last: Mapping[str, object] = watch.found[max(watch.found)] if watch.found else {}
    return {
        name: np.asarray(value)
        for name, value in last.items()
        if shape_of(value) is not None and not isinstance(value, bool)
    }
