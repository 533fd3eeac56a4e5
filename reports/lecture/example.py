"""The worked example: the smallest inputs that still show something, in whole numbers, and all that follows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from gradcheck import check
from gradcheck.lines import Traced, Unreadable, trace
from gradcheck.result import Array
from gradcheck.smallest import smallest
from layers.catalogue import Entry
from reports.lecture.blackboard import graph, table

SECONDS = 60.0
"""More than any layer of the catalogue takes to be shrunk, so that the page is the same every time."""
LEAST = 2
"""A matrix of one entry is its own transpose, its own sum and its own mean: it shows nothing."""
UPSTREAM = (1.0, -1.0, 2.0, 1.0, -2.0, 3.0)
"""Different numbers of both signs: with ones, a normalization's gradient is zero."""


def worked_example(entry: Entry) -> str:
    """The graph of tensors and the table of values, as HTML; nothing where the source cannot be followed."""
    configuration = entry.configurations[0]
    layer = entry.bound(configuration)
    inputs = configuration.inputs(np.random.default_rng(0))
    arrays = [np.asarray(x) for x in inputs.values()]
    quick = partial(check, lines=False)
    small = smallest(layer, list(inputs), arrays, quick, SECONDS, LEAST)
    given = [np.array(x) for x in small.inputs.values()]
    value = np.asarray(layer(*given)[0])
    try:
        values = trace(layer, given, _upstream(value))
    except Unreadable:
        return ""
    return f'<div class="scroll">{graph(values, entry.name)}</div>{table(_with_integers(values, small.inputs))}'


def _upstream(value: Array) -> Array:
    return np.resize(UPSTREAM, value.shape).astype(value.dtype)


def _with_integers(values: list[Traced], inputs: Mapping[str, Array]) -> list[Traced]:
    """Labels and indices before the values: they have no gradient, but nobody can reckon without them."""
    whole = [
        Traced(name, np.asarray(x), None)
        for name, x in inputs.items()
        if np.asarray(x).dtype.kind != "f"
    ]
    return [*whole, *values]
