"""Everything that a layer computes at one point, there and back: each value with its gradient and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer, input_names
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.readings import Matches, matches_of
from gradcheck.lines.record import Record, record
from gradcheck.lines.recorder import ACTIVATION
from gradcheck.numeric import Forward
from gradcheck.result import Array


@dataclass(frozen=True, eq=False)
class Traced:
    """One value on the way there, and its gradient as the way back computes it, None where it has none.

    `reads` are the values that it is computed from, by name; `line` and `gradient_line` are those of
    the file, 0 for an input. Where there are time steps, they stand first.
    """

    name: str
    value: Array
    gradient: Array | None
    reads: tuple[str, ...] = ()
    line: int = 0
    source: str = ""
    gradient_line: int = 0
    gradient_source: str = ""


def trace(layer: Layer, inputs: Sequence[Any], dy: Array) -> list[Traced]:
    """Run a layer there and back, and write down every value that has a name.

    Args:
        layer: `layer(*inputs)` returns value and way back; its source is read.
        inputs: arrays.
        dy: the upstream gradient, of the value's shape.

    Returns:
        The inputs of floating dtype, then the values in the order in which they are computed.

    Raises:
        Unreadable: if the source is not at hand or cannot be followed; the text says why.
    """
    names = input_names(layer, len(inputs))
    arrays = [np.asarray(x) for x in inputs]
    context = Context(layer, names, Forward(layer, arrays), np.asarray(dy), {})
    run = record(context, [], raised=False)
    matches = matches_of(run)
    known = {*names, *run.meanings}
    found = [_of_input(run, k, name) for k, name in enumerate(names) if arrays[k].dtype.kind == "f"]
    several = [one for meant in run.meanings.values() for one in meant]
    values = [one for one in several if one.position is None and not one.name.endswith(ACTIVATION)]
    values.sort(key=lambda one: one.sites[-1])
    return [*found, *(_of_value(run, one, matches, known) for one in values)]


def _of_input(run: Record, position: int, name: str) -> Traced:
    value = run.context.inputs[position]
    gradient = run.context.backward(run.context.dy)[position]
    site = run.returned.get(position)
    line, source = (site.line, site.text) if site else (0, "")
    return Traced(name, value, gradient, gradient_line=line, gradient_source=source)


def _of_value(run: Record, one: Intermediate, matches: Matches, known: set[str]) -> Traced:
    sites = run.copy.recorder.recorded
    here = sites[one.sites[0]].site
    reads = tuple(sorted(name for name in one.reads if name in known and name != one.name))
    for several in matches.values():
        for match in several:
            if match.intermediate is one:
                site = run.log[match.times[-1][0]].site
                hand = match.hand
                return Traced(
                    one.name, one.value, hand, reads, here.line, here.text, site.line, site.text
                )
    return Traced(one.name, one.value, None, reads, here.line, here.text)
