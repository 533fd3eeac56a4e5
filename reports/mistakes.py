"""The gallery of planted mistakes: each beside the right line, what the checker says, and where it hides."""

from __future__ import annotations

import inspect
import textwrap
from functools import partial

import numpy as np
from tabulate import tabulate

from gradcheck import check
from gradcheck.result import Finding, Report
from layers.catalogue import Configuration
from layers.mistakes import MISTAKES, Mistake
from reports.homework import TRAINING_MISTAKES

CONDITIONS = ("kink", "vacuous", "unresolved", "directional")
"""Codes that say what limits a statement, not what is wrong."""


def examine(mistake: Mistake, configuration: Configuration, seed: int = 0) -> Report:
    """The check of a planted mistake on inputs of a configuration."""
    layer = partial(mistake.planted, **configuration.options)
    inputs = configuration.inputs(np.random.default_rng(seed))
    return check(layer, *inputs.values(), name=mistake.name, seed=seed)


def said(mistake: Mistake, report: Report) -> list[Finding]:
    """What a report says of the mistake: of its gradient, or of conduct where it has none."""
    if not mistake.gradient:
        return list(report.findings)
    row = next(row for row in report.rows if row.name == mistake.gradient)
    return [finding for finding in row.findings if finding.code not in CONDITIONS]


def overview() -> str:
    """All mistakes, with the code that names each and its story."""
    rows = [(m.name, m.layer.__name__, m.code, m.story) for m in MISTAKES.values()]
    table = tabulate(
        rows, ("mistake", "layer", "code", "story"), maxcolwidths=[None, None, None, 60]
    )
    training = tabulate(
        [(name, trainer.__doc__) for name, trainer in TRAINING_MISTAKES.items()],
        ("mistake in training code", "story"),
        maxcolwidths=[None, 80],
    )
    return (
        f"{table}\n\n{training}\n\n{len(rows)} planted mistakes in backward passes, and "
        f"{len(TRAINING_MISTAKES)} in training code, which no gradient\ncheck sees and training in "
        "lockstep with a twin does; `gradcheck mistakes NAME` shows one in full."
    )


def exhibit(mistake: Mistake) -> str:
    """One mistake in full: its story, both lines, the report, and inputs that hide it."""
    parts = [
        f"{mistake.name}: {mistake.story}",
        f"In {mistake.layer.__name__}, the right line and the planted one:",
        _beside(mistake),
        f"On inputs that show it ({mistake.shows.label}):",
        str(examine(mistake, mistake.shows)),
    ]
    if mistake.hides is not None:
        hidden = examine(mistake, mistake.hides)
        verdict = f"{hidden.verdict}: the mistake is there and nothing shows."
        parts.append(f"On inputs that hide it ({mistake.hides.label}): {verdict}")
    return "\n\n".join(parts)


def _beside(mistake: Mistake) -> str:
    """The changed lines as a difference, with two lines around them."""
    source = inspect.getsource(mistake.helper or mistake.layer)
    before = source[: source.index(mistake.right)].count("\n")
    after = before + mistake.right.count("\n") + 1
    planted = source.replace(mistake.right, mistake.wrong).splitlines()
    lines = source.splitlines()
    last = len(planted) - (len(lines) - after)
    shown = [
        *(f"  {line}" for line in lines[max(before - 2, 0) : before]),
        *(f"- {line}" for line in lines[before:after]),
        *(f"+ {line}" for line in planted[before:last]),
        *(f"  {line}" for line in lines[after : after + 2]),
    ]
    return textwrap.indent("\n".join(shown), "  ")
