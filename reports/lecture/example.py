"""The worked example: the smallest inputs that still show something, in whole numbers, and all that follows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck import check
from gradcheck.layer import Layer
from gradcheck.lines import Unreadable, trace
from gradcheck.repair import named_values
from gradcheck.result import Array, Report, Traced
from gradcheck.smallest import Check, smallest
from layers.catalogue import Entry
from reports.lecture.steps import NOTHING
from reports.lecture.sums import EQUAL, Sums, sums

SECONDS = 60.0
"""More than any layer of the catalogue takes to be shrunk, so that the page is the same every time."""
LEAST = 2
"""A matrix of one entry is its own transpose, its own sum and its own mean: it shows nothing."""
UPSTREAM = (1.0, -1.0, 2.0, 1.0, -2.0, 3.0)
"""Different numbers of both signs: with ones, a normalization's gradient is zero."""
LOST = 1e-4
"""A gradient entry so small beside the largest is lost: batch normalization of two examples has only such."""

Shapes = Mapping[str, tuple[int, ...]]

IMAGE: Shapes = {"x": (1, 2, 3, 1)}
SHAPES: Mapping[str, Shapes] = {
    **dict.fromkeys(
        (
            *("relu", "elu", "selu", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh"),
            *("global_max_pool2d", "global_avg_pool2d", "upsample2d", "pad2d"),
        ),
        IMAGE,
    ),
    "conv2d": {"x": (1, 3, 3, 1), "W": (2, 2, 1, 1), "b": (1,)},
    "conv1d": {"x": (1, 4, 1), "W": (2, 1, 2), "b": (2,)},
    "conv2d_transpose": {"x": (1, 2, 2, 1), "W": (2, 2, 1, 1), "b": (1,)},
    "batch_norm": {"x": (3, 2), "gamma": (2,), "beta": (2,)},
    "dropout": {"x": (2, 3), "mask": (2, 3)},
    "max_pool2d": {"x": (1, 4, 4, 1)},
    "avg_pool2d": {"x": (1, 4, 4, 1)},
    "attention": {"q": (1, 2, 2), "k": (1, 3, 2), "v": (1, 3, 1)},
    "rnn": {"x": (1, 3, 1), "h0": (1, 2), "Wx": (1, 2), "Wh": (2, 2), "b": (2,)},
    "lstm": {"x": (1, 2, 1), "h0": (1, 1), "c0": (1, 1), "Wx": (1, 4), "Wh": (1, 4), "b": (4,)},
    "gru": {"x": (1, 2, 1), "h0": (1, 1), "Wx": (1, 3), "Wh": (1, 3), "b": (3,)},
}
"""Sizes that a lecturer would choose where the smallest is not the most telling: windows that overlap,
two steps in time, an image of four windows, one image of one channel."""


@dataclass(frozen=True, eq=False)
class Example:
    """A worked example: where the layer is run, what is computed there and back, and each entry's sum.

    `values` begin with the inputs, labels and indices among them; `report` is the check there.
    """

    values: tuple[Traced, ...]
    sums: Sums
    inputs: Mapping[str, Array]
    upstream: Array
    report: Report


def worked_example(entry: Entry) -> Example | None:
    """The worked example of a layer of the catalogue; None where its source cannot be followed."""
    configuration = entry.configurations[0]
    layer = entry.bound(configuration)
    rng = np.random.default_rng(0)
    drawn = {name: np.asarray(x) for name, x in configuration.inputs(rng).items()}
    return shrunk(layer, drawn, partial(check, lines=False), SHAPES.get(entry.name))


def shrunk(
    layer: Layer, drawn: Mapping[str, Array], again: Check, shapes: Shapes | None = None
) -> Example | None:
    """The example of a layer that passes at the numbers drawn: shrunk, in small whole numbers.

    Without `shapes` it is the smallest of at least two by two.
    """
    given = _whole_numbers(layer, drawn, again, shapes)
    return of(layer, given, plain_upstream(layer, given), again)


def plain_upstream(layer: Layer, inputs: Mapping[str, Array]) -> Array:
    """An upstream gradient to reckon with, of the shape of the layer's value."""
    value = np.asarray(layer(*[x.copy() for x in inputs.values()])[0])
    return (
        np.resize(UPSTREAM, value.shape).astype(value.dtype) if value.ndim else np.ones_like(value)
    )


def _whole_numbers(
    layer: Layer, drawn: Mapping[str, Array], again: Check, shapes: Shapes | None
) -> Mapping[str, Array]:
    """Inputs of different whole numbers, halves or quarters, if all gradients then still show something."""
    telling = partial(_telling, again)
    if shapes is None:
        quick = telling if _tells(telling, layer, drawn) else again
        small = smallest(
            layer, list(drawn), list(drawn.values()), quick, named_values, SECONDS, LEAST
        ).inputs
    else:
        small = {name: _cut(x, shapes[name]) for name, x in drawn.items()}
    cut = {n: _cut(drawn[n], x.shape) if x.dtype.kind == "f" else x for n, x in small.items()}
    for parts in (1, 2, 4):
        ranked = {name: _ranked(x, parts) for name, x in cut.items()}
        if _tells(telling, layer, ranked):
            return ranked
    return small


def _cut(x: Array, shape: tuple[int, ...]) -> Array:
    return x[tuple(map(slice, shape))].copy()


def _ranked(x: Array, parts: int) -> Array:
    """Small whole numbers, or parts of them, all different, of the same signs and in the same order."""
    if x.dtype.kind != "f":
        return x
    ranks = np.zeros(x.size)
    flat = x.ravel()
    for sign in (1, -1):
        mine = np.flatnonzero(sign * flat > 0)
        ranks[mine[np.argsort(sign * flat[mine], kind="stable")]] = sign * (
            1 + np.arange(len(mine))
        )
    return (ranks.reshape(x.shape) / parts).astype(x.dtype)


def _tells(telling: Check, layer: Layer, inputs: Mapping[str, Array]) -> bool:
    """Whether a right layer passes there, with no gradient trivial, no entry lost, and no kink."""
    try:
        report = telling(layer, *inputs.values())
    except Exception:
        # Not every layer runs on any whole numbers.
        return False
    kinks = any(finding.code == "kink" for finding in report.all_findings())
    return report.passed and not kinks and all(row.numeric.any() for row in report.rows)


def _telling(again: Check, layer: Layer, *inputs: Array, **options: Any) -> Report:
    """A check of a case that is for the blackboard: an error where an entry of a gradient is lost."""
    report = again(layer, *inputs, **options)
    sizes = np.concatenate([np.abs(row.numeric).ravel() for row in report.rows])
    if ((sizes > NOTHING) & (sizes < LOST * sizes.max(initial=0.0))).any():
        raise ValueError("an entry is lost beside the others")
    return report


def of(layer: Layer, inputs: Mapping[str, Array], upstream: Array, again: Check) -> Example | None:
    """The example of a layer, right or wrong, at given numbers; None where the source cannot be followed."""
    arrays = list(inputs.values())
    report = again(layer, *arrays, upstream=upstream)
    try:
        values = trace(layer, arrays, upstream)
    except Unreadable:
        return None
    true = {row.name: row.numeric for row in report.rows}
    value = np.asarray(layer(*[np.array(x) for x in arrays])[0])
    shown = _told(values, report.passed, sums(layer, list(inputs), arrays, upstream, values, true))
    shown = _with_result(_without_rearranged(shown), value, upstream)
    shown = _on_the_way(shown, list(inputs), value)
    # Asked again for what is shown now: a sum runs over what has a gradient on the page.
    found = sums(layer, list(inputs), arrays, upstream, shown, true)
    return Example((*_whole(inputs), *shown), found, inputs, upstream, report)


def _told(values: Sequence[Traced], passed: bool, found: Sums) -> list[Traced]:
    """In a layer that passes, a gradient that is not the sum of its uses belongs to another value of that name."""
    return [
        replace(one, gradient=None) if passed and _is_anothers(one, found) else one
        for one in values
    ]


def _is_anothers(one: Traced, found: Sums) -> bool:
    return one.gradient is not None and any(
        abs(found[one.name, index].whole - value) > EQUAL * (1 + abs(value))
        for index, value in np.ndenumerate(one.gradient)
        if (one.name, index) in found
    )


def _without_rearranged(values: Sequence[Traced]) -> list[Traced]:
    """Without what only has other values' entries in another order and no gradient: windows, reshapes."""
    by_name: dict[str, Traced] = {}
    instead: dict[str, tuple[str, ...]] = {}
    for one in map(_really_read, values):
        before = by_name[one.name].reads if one.name in by_name and _goes_on(one) else ()
        now = (r for name in one.reads for r in instead.get(name, (name,)))
        reads = tuple(dict.fromkeys([*before, *now]))
        sources = [by_name[name].value for name in reads if name in by_name]
        if one.gradient is None and sources and _is_rearranged(one.value, sources):
            instead[one.name] = reads
            continue
        instead.pop(one.name, None)
        by_name[one.name] = replace(one, reads=reads)
    return list(by_name.values())


def _goes_on(one: Traced) -> bool:
    """Whether a statement changes what its name holds already: `x[k] = 0`, `x /= n`, `x = x @ W`."""
    name = re.escape(one.name)
    changes = re.match(rf"{name}\s*(\[|[^\w\s=]+=)", one.source)
    return bool(changes) or len(re.findall(rf"(?<![\w.]){name}\b", one.source)) > 1


def _really_read(one: Traced) -> Traced:
    """Without what is only the name of a method that is called: `x.mean()` reads no `mean`."""
    methods = {
        name
        for name in one.reads
        if re.search(rf"\.{name}\(", one.source)
        and not re.search(rf"(?<![\w.]){name}\b", one.source)
    }
    return replace(one, reads=tuple(name for name in one.reads if name not in methods))


def _is_rearranged(value: Array, sources: Sequence[Array]) -> bool:
    return bool(np.isin(value, np.concatenate([s.ravel() for s in sources])).all())


def _with_result(values: list[Traced], value: Array, upstream: Array) -> list[Traced]:
    """With the returned value, named or at the end, and the upstream gradient as its own."""
    ends = [k for k, one in enumerate(values) if _is(one, value)]
    if ends:
        given = any(values[k].gradient is not None for k in ends)
        last = values[ends[-1]]
        named = last if given else replace(last, gradient=upstream)
        return [*values[: ends[-1]], named, *values[ends[-1] + 1 :]]
    used = {name for one in values for name in one.reads}
    loose = tuple(one.name for one in values if one.name not in used)
    return [*values, Traced("y", value, upstream, loose)]


def _is(one: Traced, value: Array) -> bool:
    return one.value.shape == value.shape and np.array_equal(one.value, value)


def _on_the_way(values: list[Traced], inputs: Sequence[str], value: Array) -> list[Traced]:
    """Without what leads nowhere and has no gradient: it is the way back's, as the gradient of a loss."""
    reads = {one.name: one.reads for one in values}
    waiting = [one.name for one in values if one.gradient is not None or _is(one, value)]
    kept = set(inputs)
    while waiting:
        name = waiting.pop()
        waiting += [read for read in reads.get(name, ()) if read not in kept]
        kept.add(name)
    return [one for one in values if one.name in kept]


def _whole(inputs: Mapping[str, Array]) -> list[Traced]:
    """Labels and indices: they have no gradient, but nobody can reckon without them."""
    return [
        Traced(n, np.asarray(x), None) for n, x in inputs.items() if np.asarray(x).dtype.kind != "f"
    ]
