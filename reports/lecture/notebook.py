"""A handout as a notebook: the derivation, the code, a check to run, and mistakes to find by running it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gradcheck.result import Array
from layers.catalogue import CATALOGUE, Entry
from reports.lecture.example import worked_example
from reports.lecture.handout import derivation
from reports.lecture.puzzles import letter, mistakes_of
from reports.page.code import text_of, without_docstring

Cell = tuple[str, str]
"""`markdown` or `code`, and its text."""


def notebook(name: str) -> str:
    """The notebook of a layer of the catalogue, as JSON (nbformat 4.5).

    Raises:
        KeyError: if there is no such layer.
    """
    return written(name, _cells(CATALOGUE[name]))


def written(name: str, cells: Iterable[Cell]) -> str:
    """Cells as a notebook, as JSON (nbformat 4.5)."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": [
            _cell(f"{name}-{k}", kind, text.strip("\n")) for k, (kind, text) in enumerate(cells)
        ],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(name: str, kind: str, text: str) -> dict[str, Any]:
    cell = {"id": name.replace("_", "-"), "cell_type": kind, "metadata": {}}
    lines = text.splitlines(keepends=True)
    extra: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {**cell, **extra, "source": lines}


def _cells(entry: Entry) -> Iterator[Cell]:
    yield "markdown", f"# {entry.name}\n\n`{entry.formula}`\n\n`{entry.shapes.strip()}`"
    yield "markdown", derivation(entry)
    yield "markdown", f"## In code\n\n```python\n{text_of(entry.layer)}```"
    example = worked_example(entry)
    options = "".join(f", {n}={v!r}" for n, v in entry.configurations[0].options.items())
    yield (
        "code",
        (
            "from functools import partial\n\nimport numpy as np\n\nfrom gradcheck import check\n"
            "from gradcheck.course import layers\n"
            f"from layers import {entry.name}\n\nlayer = partial({entry.name}{options})"
        ),
    )
    if example is not None:
        yield (
            "markdown",
            "## By hand\n\nSmall inputs: reckon a gradient with pencil and paper first.",
        )
        yield "code", "\n".join(f"{n} = {_literal(x)}" for n, x in example.inputs.items())
        taken = ", ".join(example.inputs)
        yield "code", f"report = check(layer, {taken})\nreport"
        yield "code", 'for row in report:\n    print(f"d{row.name}", row.analytic, sep="\\n")'
    yield from _puzzles(entry)


def _puzzles(entry: Entry) -> Iterator[Cell]:
    """Each mistake: its code to read, and a cell that says what it is."""
    for k, mistake in enumerate(mistakes_of(entry)):
        text = without_docstring(mistake.changed[1])
        asked = "One thing is wrong. Where, and at which inputs would nobody notice?"
        yield "markdown", f"## Find the bug: {letter(k)}\n\n{asked}\n\n```python\n{text}```"
        yield (
            "code",
            (
                "from layers.mistakes import MISTAKES\n\n"
                f"mistake = [m for m in MISTAKES.values() if m.layer is {entry.name}][{k}]\n"
                "inputs = mistake.shows.inputs(np.random.default_rng(0))\n"
                "check(partial(mistake.planted, **mistake.shows.options), *inputs.values())"
            ),
        )


def _literal(x: Array) -> str:
    """An array as Python writes it."""
    dtype = "" if x.dtype.kind in "fb" else f", dtype=np.{x.dtype.name}"
    return f"np.array({np.asarray(x).tolist()!r}{dtype})"
