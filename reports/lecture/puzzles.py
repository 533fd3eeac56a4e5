"""Find the bug: a switch for each planted mistake, its code in sight, and what it does behind a fold."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from html import escape

import numpy as np

from gradcheck.lines import Unreadable, trace
from gradcheck.result import Array, Traced
from layers.catalogue import Entry
from layers.mistakes import MISTAKES, Mistake
from reports.lecture.blackboard import SAME, compared, graph
from reports.lecture.example import Example
from reports.mistakes import examine
from reports.page.code import listing, numbered, pairs, without_docstring
from reports.page.shell import folded

ASKED = (
    "<p>In each of these one thing is wrong. Where, what will the gradient look like, and at which "
    "inputs would nobody notice?</p>"
)


def mistakes_of(entry: Entry) -> list[Mistake]:
    """The mistakes that are planted in a layer."""
    return [m for m in MISTAKES.values() if m.layer is entry.layer]


def puzzles(entry: Entry, example: Example | None) -> str:
    """The mistakes of a layer behind a row of switches; nothing where none is planted."""
    found = mistakes_of(entry)
    if not found:
        return ""
    panels = [_panel(entry, mistake, example) for mistake in found]
    return f"{ASKED}\n{switch('bug', [letter(k) for k in range(len(found))], panels)}"


def switch(name: str, labels: Sequence[str], panels: Sequence[str]) -> str:
    """One of several panels of HTML in sight, chosen by a row of buttons, without script."""
    numbers = range(1, len(labels) + 1)
    buttons = "".join(
        f'<input type="radio" name="{name}" id="{name}{k}"{" checked" if k == 1 else ""}>'
        f'<label for="{name}{k}">{escape(label)}</label>\n'
        for k, label in zip(numbers, labels, strict=True)
    )
    inside = "".join(
        f'<div class="panel" id="{name}{k}-panel">{panel}</div>\n'
        for k, panel in zip(numbers, panels, strict=True)
    )
    shown = ",".join(f"#{name}{k}:checked~#{name}{k}-panel" for k in numbers)
    return f'<style>{shown}{{display:block}}</style>\n<div class="switch">{buttons}{inside}</div>'


def letter(k: int) -> str:
    """What the k-th mistake is called as long as it is not given away."""
    return string.ascii_uppercase[k] if k < len(string.ascii_uppercase) else str(k + 1)


def _panel(entry: Entry, mistake: Mistake, example: Example | None) -> str:
    answer = "".join(answered(entry, mistake, example))
    return f"{code_with(mistake)}\n{folded('The answer', answer)}"


def code_with(mistake: Mistake) -> str:
    """The text in which a mistake is planted."""
    text = without_docstring(mistake.changed[1])
    return listing(numbered(text), pairs(text))


def answered(entry: Entry, mistake: Mistake, example: Example | None) -> Iterator[str]:
    """What the mistake is, what it does in the worked example, and what the checker says."""
    lines = "\n".join(mistake.diff.lines)
    yield f"<p>{escape(mistake.story)}</p>\n<pre>{escape(lines)}</pre>\n"
    if example is not None:
        yield from _in_numbers(entry, mistake, example)
    # A copy comes without its check: the repair is known here, and needs no search.
    report = copy(examine(mistake, mistake.shows))
    yield (
        f"<p>What the checker says (<code>gradcheck mistakes {escape(mistake.name)}</code>):</p>"
        f'<div class="scroll report">{report.to_html()}</div>'
    )
    if mistake.hides:
        yield f"<p>Hidden at: {escape(mistake.hides.label)}.</p>"


def _in_numbers(entry: Entry, mistake: Mistake, example: Example) -> Iterator[str]:
    """What changes in the worked example: the graph with the wrong gradients, and their numbers."""
    try:
        planted = _planted(entry, mistake, example)
    except (Unreadable, ValueError, IndexError):
        return
    changed = _changed(example.values, planted)
    if not changed:
        yield "<p>In the example above nothing shows of it.</p>"
        return
    wrong = {name: gradients[1] for name, gradients in changed.items()}
    values = [_with(one, wrong) for one in example.values]
    yield "<p>In the example above, right and planted:</p>" + compared(changed)
    yield f'<div class="scroll">{graph(values, mistake.name, wrong)}</div>'


def _planted(entry: Entry, mistake: Mistake, example: Example) -> list[Traced]:
    layer = partial(mistake.planted, **entry.configurations[0].options)
    with np.errstate(all="ignore"):
        return trace(layer, [x.copy() for x in example.inputs.values()], example.upstream)


def _changed(right: Sequence[Traced], planted: Sequence[Traced]) -> dict[str, tuple[Array, Array]]:
    """The gradients that are others than they were, by name: as they should be, and as they are."""
    others = {one.name: one.gradient for one in planted}
    found = {}
    for one in right:
        other = others.get(one.name)
        if one.gradient is None or other is None or other.shape != one.gradient.shape:
            continue
        if not np.allclose(one.gradient, other, rtol=SAME, atol=SAME):
            found[one.name] = (one.gradient, other)
    return found


def _with(one: Traced, wrong: dict[str, Array]) -> Traced:
    return replace(one, gradient=wrong[one.name]) if one.name in wrong else one
