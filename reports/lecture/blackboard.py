"""The blackboard: every value of a layer with its gradient, as a graph and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from gradcheck.lines import Traced
from gradcheck.render import shape_text
from gradcheck.result import Array
from reports.page.graph import Node, drawn

FEW = 12
"""Entries that fit on a blackboard; of more, the shape and the norm are shown."""


def graph(values: Sequence[Traced], name: str) -> str:
    """The graph of a layer's tensors: values in one colour, gradients in another."""
    return drawn(
        [_node(one) for one in values],
        f"The tensors of {name} from left to right, each with its value and its gradient",
    )


def _node(one: Traced) -> Node:
    lines = [(line, "forward") for line in _shown(one.value)]
    if one.gradient is not None:
        lines += [(line, "backward") for line in _shown(one.gradient)]
    return Node(one.name, one.reads, [(shape_text(one.value.shape), ""), *lines])


def _shown(array: Array) -> list[str]:
    """An array's rows as text, or its norm where it has too many entries."""
    if array.size > FEW or array.ndim > 2:
        return [f"‖·‖ {number(float(np.linalg.norm(array)))}"]
    rows = np.atleast_2d(array)
    cells = [[number(float(v)) for v in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(rows.shape[1])]
    return ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]


def number(value: float) -> str:
    """A number as one writes it on a blackboard: whole if it is, else three digits."""
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}".replace("-", "−") if value else "0"
    return f"{value:.3g}".replace("-", "−")


def table(values: Sequence[Traced]) -> str:
    """Every value there and back in a table: name, line, value, gradient."""
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(one.name)}</code></th>'
        f"<td>{escape(shape_text(one.value.shape))}</td>"
        f'<td class="forward"><code>{_cell(one.value)}</code></td>'
        f'<td class="backward"><code>{_cell(one.gradient)}</code></td></tr>'
        for one in values
    )
    head = "".join(f'<th scope="col">{h}</th>' for h in ("value", "shape", "there", "back"))
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _cell(array: Array | None) -> str:
    return "–" if array is None else "<br>".join(escape(line) for line in _shown(array))
