"""Everything that a layer computes at one point, there and back: each value with its gradient and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.binding import input_names
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.match import Match
from gradcheck.lines.readings import matches_of
from gradcheck.lines.record import Record, record
from gradcheck.numeric import Forward
from gradcheck.result import Array, Traced


def trace(layer: Layer, inputs: Sequence[Any], dy: Array) -> list[Traced]:
    """Run a layer there and back, and write down every value that has a name, in the order of computing.

    Inputs of floating dtype come first.

    Raises:
        Unreadable: if the source is not at hand or cannot be followed; the text says why.
    """
    names = input_names(layer, len(inputs))
    arrays = [*map(np.asarray, inputs)]
    context = Context(layer, names, Forward(layer, arrays), np.asarray(dy), {})
    run = record(context, [], raised=False)
    # Of several that are laid beside one value the first counts.
    laid = {id(m.intermediate): m for m in reversed([*chain(*matches_of(run).values())])}
    found = [_of_input(run, k, name) for k, name in enumerate(names) if arrays[k].dtype.kind == "f"]
    values = (one for one in chain(*run.meanings.values()) if _is_computed(run, one))
    in_order = sorted(values, key=lambda one: one.sites[-1])
    return [*found, *(_of_value(run, one, laid.get(id(one))) for one in in_order)]


def _is_computed(run: Record, one: Intermediate) -> bool:
    """Whether a line of the user's computes a value, and no helper only is handed it."""
    sites = run.copy.recorder.forward_sites
    handed = any(sites[k].handing for k in one.sites)
    return not (one.is_input or one.is_before_activation or handed)


def _of_input(run: Record, position: int, name: str) -> Traced:
    value = run.context.inputs[position]
    gradient = run.context.backward(run.context.dy)[position]
    site = run.returned.get(position)
    line, source = (site.line, site.text) if site else (0, "")
    return Traced(name, value, gradient, gradient_line=line, gradient_source=source)


def _of_value(run: Record, one: Intermediate, match: Match | None) -> Traced:
    here = run.copy.recorder.recorded[one.sites[0]].site
    known = {*run.context.names, *run.meanings} - {one.name}
    found = Traced(
        one.name, one.value, None, tuple(sorted(one.reads & known)), here.line, here.text
    )
    if match is None:
        return found
    site = run.log[match.ended].site
    return replace(found, gradient=match.hand, gradient_line=site.line, gradient_source=site.text)
