"""A handout as slides: one idea each, moved through with the arrow keys, one a side in print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from layers.catalogue import CATALOGUE, Entry
from reports.lecture.blackboard import graph, table
from reports.lecture.example import Example, worked_example
from reports.lecture.handout import BY_HAND, checked, checks, code, derivation, figures, head, sheet
from reports.lecture.puzzles import answered, code_with, letter, mistakes_of
from reports.page.prose import html_of

HERE = Path(__file__).parent


def slides(name: str) -> str:
    """The slides of a layer of the catalogue, as one HTML page that stands by itself.

    Raises:
        KeyError: if there is no such layer.
    """
    return deck(name, _slides(CATALOGUE[name]))


def deck(name: str, sides: Iterable[str]) -> str:
    """Slides in one page that stands by itself, of those sides that are not empty."""
    sections = [f'<section class="slide">{one}</section>' for one in sides if one]
    script, style = ((HERE / f"slides.{kind}").read_text("utf-8") for kind in ("js", "css"))
    return sheet(f"{name}: slides", sections, script=script, style=style)


def _slides(entry: Entry) -> Iterator[str]:
    example = worked_example(entry)
    before, *sections = re.split(r"(?=<h2>)", html_of(derivation(entry)))
    yield head(entry) + before
    yield from sections
    yield f"<h2>In code</h2>{code(entry)}"
    yield from _by_hand(entry, example)
    yield f"<h2>Checked</h2>{checks(entry, checked(entry))}"
    yield from figures(entry)
    for k, mistake in enumerate(mistakes_of(entry)):
        yield f"<h2>Find the bug: {letter(k)}</h2>{code_with(mistake)}"
        yield f"<h2>The answer: {letter(k)}</h2>{''.join(answered(entry, mistake, example))}"


def _by_hand(entry: Entry, example: Example | None) -> Iterator[str]:
    if example is not None:
        yield f'<h2>By hand</h2><div class="scroll">{graph(example.values, entry.name)}</div>'
        yield f"<h2>By hand</h2>{BY_HAND}{table(example.values, example.sums)}"
