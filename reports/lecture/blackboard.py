"""The blackboard: every value of a layer with its gradient, as a graph and as a table of numbers to open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np

from gradcheck.render import shape_text
from gradcheck.result import Array, Traced
from reports.lecture.sums import Place, Sum, Sums, Term
from reports.page.graph import Node, drawn
from reports.page.shell import caption

FEW = 24
"""Entries that fit on a blackboard; of more, the shape and the norm are shown."""
TERMS = 6
"""Products of a sum that are written out."""
FULL, BRIEF = 3, 2
"""Digits in a table, and in the graph, which has to fit on a side."""
ZERO = 1e-12
"""What rounding has left of a zero."""
SAME = 1e-6
"""Within which the gradient of the code is the sum that it should be."""

Cell = tuple[tuple[int, ...], str]
"""An entry's index, and the number as it is written."""


def graph(values: Sequence[Traced], name: str, wrong: Collection[str] = ()) -> str:
    """The graph of a layer's tensors: values in one colour, gradients in another, those `wrong` marked."""
    return drawn(
        [_node(one, one.name in wrong) for one in values],
        f"The tensors of {name} from left to right, each with its value and its gradient",
    )


def worked(
    name: str,
    values: Sequence[Traced],
    sums: Sums,
    upstream: str = "dy",
    wrong: Collection[str] = (),
) -> str:
    """The graph and, beside it where there is room, the table.

    `wrong` names values whose gradient is known to be wrong; of others the sums say it.
    """
    marked = wrong_in(values, sums).union(wrong)
    return (
        f'<div class="worked"><div class="scroll">{graph(values, name, marked)}</div>\n'
        f"{table(values, sums, upstream)}</div>"
    )


def wrong_in(values: Sequence[Traced], sums: Sums) -> set[str]:
    """The values whose gradient, as the code has it, is not the sum that it should be."""
    return {
        one.name
        for one in values
        if one.gradient is not None
        for index, value in np.ndenumerate(one.gradient)
        if (one.name, index) in sums and _differ(value, sums[one.name, index].whole)
    }


def _differ(value: float, true: float) -> bool:
    return not abs(value - true) <= SAME * (1 + abs(true))


def _node(one: Traced, wrong: bool) -> Node:
    lines = [(line, "forward") for line in _shown(one.value, BRIEF)]
    if one.gradient is not None:
        lines += [(line, "backward") for line in _shown(one.gradient, BRIEF)]
    return Node(one.name, one.reads, [(shape_text(one.value.shape), ""), *lines], wrong=wrong)


def _shown(array: Array, digits: int) -> list[str]:
    """An array's rows as text, or its norm where it has too many entries."""
    if not _fits(array):
        return [f"‖·‖ {number(float(np.linalg.norm(array)), digits)}"]
    return ["  ".join(text for _, text in row) for row in rows(array, digits)]


def _fits(array: Array) -> bool:
    return bool(array.size <= FEW)


def rows(array: Array, digits: int) -> list[list[Cell]]:
    """The entries of an array by row along its last axis longer than 1, in columns of equal width."""
    long = [length for length in array.shape if length != 1]
    columns = long[-1] if long else 1
    cells = [(index, number(float(value), digits)) for index, value in np.ndenumerate(array)]
    grid = [cells[k : k + columns] for k in range(0, len(cells), columns)]
    widths = [max(len(row[k][1]) for row in grid) for k in range(columns)]
    return [[(i, text.rjust(w)) for (i, text), w in zip(row, widths, strict=True)] for row in grid]


def number(value: float, digits: int = FULL) -> str:
    """A number as one writes it on a blackboard: whole if it is, else a few digits."""
    if abs(value) < ZERO:
        return "0"
    text = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def table(values: Sequence[Traced], sums: Sums, upstream: str = "dy") -> str:
    """Every value there and back in a table: name, shape, value, gradient; a number opens to its sum."""
    ids = {place: f"s{k}" for k, place in enumerate(sums)}
    body = "".join(
        f'<tr><th scope="row"><code>{escape(one.name)}</code> '
        f"<small>{escape(shape_text(one.value.shape))}</small></th>"
        f'<td class="forward">{_cells(one.value, one.name, {})}</td>'
        f'<td class="backward">{_cells(one.gradient, one.name, ids)}</td></tr>\n'
        for one in values
    )
    head = "".join(f'<th scope="col">{h}</th>' for h in ("value", "there", "back"))
    opened = "".join(_opened(place, sums[place], values, ids[place], upstream) for place in sums)
    return (
        f'<div class="scroll"><table class="numbers">{caption("Every value there and back")}'
        f"<thead><tr>{head}</tr></thead>\n"
        f"{body}</table></div>\n{opened}"
    )


def compared(changed: Mapping[str, tuple[Array, Array]]) -> str:
    """Gradients that are wrong beside what they should be, the wrong entries marked."""
    body = "".join(
        f'<tr><th scope="row"><code>d{escape(name)}</code></th>'
        f"<td><pre>{_marked(right, right)}</pre></td><td><pre>{_marked(planted, right)}</pre></td></tr>\n"
        for name, (right, planted) in changed.items()
    )
    head = "".join(f'<th scope="col">{h}</th>' for h in ("gradient", "right", "planted"))
    return (
        '<div class="scroll"><table class="numbers backward">'
        f"{caption('Wrong entries are marked')}"
        f"<thead><tr>{head}</tr></thead>\n{body}</table></div>"
    )


def _marked(array: Array, right: Array) -> str:
    if not _fits(array):
        return escape(_shown(array, FULL)[0])
    return "\n".join(
        "  ".join(
            _mark(text, differs=not np.isclose(array[i], right[i], rtol=SAME, atol=SAME))
            for i, text in row
        )
        for row in rows(array, FULL)
    )


def _mark(text: str, *, differs: bool) -> str:
    bare = text.lstrip()
    return f"{' ' * (len(text) - len(bare))}<mark>{bare}</mark>" if differs else text


def _cells(array: Array | None, name: str, ids: Mapping[Place, str]) -> str:
    if array is None:
        return "–"
    if not _fits(array):
        return f"<code>{escape(_shown(array, FULL)[0])}</code>"
    lines = "\n".join(
        "  ".join(_button(text, ids.get((name, i))) for i, text in row) for row in rows(array, FULL)
    )
    return f"<pre>{lines}</pre>"


def _button(text: str, opens: str | None) -> str:
    """A number, padded outside of what is to be clicked."""
    if opens is None:
        return escape(text)
    bare = text.lstrip()
    return f'{" " * (len(text) - len(bare))}<button popovertarget="{opens}">{escape(bare)}</button>'


def _opened(place: Place, one: Sum, values: Sequence[Traced], name: str, upstream: str) -> str:
    shapes = {value.name: value.value.shape for value in values}
    # The result may have no name of its own; it has the shape of what is computed last.
    shapes[""] = values[-1].value.shape
    lines = "\n".join(written(place, one, shapes, upstream))
    hand = next((v.gradient for v in values if v.name == place[0] and v.gradient is not None), None)
    unlike = ""
    if hand is not None and _differ(float(hand[place[1]]), one.whole):
        unlike = f"<p>The code says <strong>{number(float(hand[place[1]]))}</strong>.</p>"
    return f'<div popover id="{name}"><pre>{escape(lines)}</pre>{unlike}</div>\n'


def written(
    place: Place, one: Sum, shapes: Mapping[str, tuple[int, ...]], upstream: str = "dy"
) -> list[str]:
    """A gradient entry as a sum, in lines: what it is, with the numbers plugged in, what it comes to."""
    head = f"{derivative(place, shapes, upstream)} ="
    if not one.terms:
        return [f"{head} 0", "nothing that is used reaches it"]
    kept = one.terms[:TERMS]
    more = [f"… ({len(one.terms) - TERMS} more)"] if len(one.terms) > TERMS else []
    names = [_named(term, place, shapes, upstream) for term in kept]
    products = [_product(term) for term in kept]
    said = [f"{head} {_plus([*names, *more])}", f"   = {_plus([*products, *more])}"]
    whole = number(one.whole)
    return said if products == [whole] else [*said, f"   = {whole}"]


def derivative(place: Place, shapes: Mapping[str, tuple[int, ...]], upstream: str) -> str:
    """What the gradient entry at a place is called; axes of length 1 need no index."""
    name, index = place
    shape = shapes.get(name, ())
    if len(shape) != len(index):
        shape = tuple(0 for _ in index)
    kept = [str(i) for i, length in zip(index, shape, strict=True) if length != 1]
    called = f"d{name}" if name else upstream
    return f"{called}[{','.join(kept)}]" if kept else called


def _named(term: Term, place: Place, shapes: Mapping[str, tuple[int, ...]], upstream: str) -> str:
    met = derivative(term.of, shapes, upstream)
    if term.factor == "∂":
        return f"∂{met[1:]}/∂{derivative(place, shapes, upstream)[1:]}·{met}"
    parts = [_short(term.factor, shapes), met] if term.factor else [met]
    if abs(term.times) != 1:
        parts.insert(0, _signed(term.times))
    return ("−" if term.times == -1 else "") + "·".join(parts)


def _short(factor: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """An entry's name without the index of axes of length 1."""
    name, _, rest = factor.partition("[")
    if not rest:
        return factor
    index = tuple(int(i) for i in rest.rstrip("]").split(","))
    return derivative((name, index), shapes, "")[1:]


def _product(term: Term) -> str:
    if term.slope == 1:
        return _signed(term.gradient)
    return f"{_signed(term.slope)}·{_signed(term.gradient)}"


def _signed(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def _plus(parts: Sequence[str]) -> str:
    return " + ".join(parts)
