"""The gallery of planted mistakes: each beside the right line, what the checker says, and where it hides."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from functools import partial

import numpy as np
from tabulate import tabulate

from gradcheck import check
from gradcheck.result import Finding, Report
from layers.catalogue import Configuration
from layers.families import FAMILIES, layers_of
from layers.mistakes import MISTAKES, Mistake, PageError
from layers.mistakes.wild import WILD, WildMistake
from reports.errors import UserError, did_you_mean
from reports.homework import TRAINING_MISTAKES
from reports.wild import CONDITIONS, run


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


def show(name: str) -> str:
    """What `gradcheck mistakes NAME` prints: one mistake in full, or those of a layer or a family.

    `wild` is the family of the code that is not ours.

    Raises:
        UserError: if there is neither a mistake nor a layer nor a family of that name, or if the
            mistake's page does not fit its layer any more.
    """
    try:
        if name in MISTAKES:
            return exhibit(MISTAKES[name])
        if name in WILD:
            return exhibit_wild(WILD[name])
    except PageError as fault:
        raise UserError(str(fault)) from fault
    if name == "wild":
        return wild_listing()
    layers = {layer: {layer} for family in FAMILIES for layer in layers_of(family)}
    # Where a family is called like one of its layers, all of it is meant: dense is bilinear's family.
    groups = {**layers, **{family: set(layers_of(family)) for family in FAMILIES}}
    if name in groups:
        return listing(m for m in MISTAKES.values() if m.layer.__name__ in groups[name])
    hint = did_you_mean(name, [*MISTAKES, *WILD, *groups, *TRAINING_MISTAKES])
    raise UserError(
        f"there is no mistake and no layer {name!r}{hint}; `gradcheck mistakes` lists all"
    )


def listing(mistakes: Iterable[Mistake]) -> str:
    """Mistakes as a table, with the code that names each and its story."""
    rows = [(m.name, m.layer.__name__, m.code, m.story) for m in mistakes]
    if not rows:
        return "No mistake is planted there."
    return tabulate(
        rows, ("mistake", "layer", "code", "story"), maxcolwidths=[None, None, None, 60]
    )


def overview() -> str:
    """All mistakes, and those in training code."""
    training = tabulate(
        [(name, trainer.__doc__) for name, trainer in TRAINING_MISTAKES.items()],
        ("mistake in training code", "story"),
        maxcolwidths=[None, 80],
    )
    return (
        f"{listing(MISTAKES.values())}\n\n{training}\n\n{len(MISTAKES)} planted mistakes in backward "
        f"passes, and {len(TRAINING_MISTAKES)} in training code, which no gradient\ncheck sees and "
        "training in lockstep with a twin does; `gradcheck mistakes NAME` shows one in full.\n"
        f"`gradcheck mistakes wild` lists {len(WILD)} more, in code of other shapes than ours."
    )


def exhibit(mistake: Mistake) -> str:
    """One mistake in full: its story, both lines, the report, and inputs that hide it."""
    parts = [
        f"{mistake.name}: {mistake.story}",
        f"In {mistake.layer.__name__}, the right line and the planted one:",
        _beside(*mistake.changed),
        f"On inputs that show it ({mistake.shows.label}):",
        str(examine(mistake, mistake.shows)),
    ]
    if mistake.hides is not None:
        hidden = examine(mistake, mistake.hides)
        verdict = f"{hidden.verdict}: the mistake is there and nothing shows."
        parts.append(f"On inputs that hide it ({mistake.hides.label}): {verdict}")
    return "\n\n".join(parts)


def exhibit_wild(mistake: WildMistake) -> str:
    """One mistake in code that is not ours: its story, both lines, how it is checked, the report."""
    wrong, _ = mistake.changed
    source = mistake.source
    return "\n\n".join(
        [
            f"{mistake.name}: {mistake.story}",
            f"In this source ({source.title}), the right line and the wrong one:",
            _beside(source.text, wrong),
            "Checked by",
            textwrap.indent(source.check, "    "),
            str(run(wrong, source.check, mistake.name)),
        ]
    )


def wild_listing() -> str:
    """All mistakes in code that is not ours."""
    rows = [(m.name, m.source.title, ", ".join(m.codes), m.story) for m in WILD.values()]
    return tabulate(
        rows, ("mistake", "source", "true names", "story"), maxcolwidths=[None, 24, 20, 44]
    )


def _beside(right: str, wrong: str) -> str:
    """The changed lines as a difference, with two lines around them."""
    changes = difflib.unified_diff(right.splitlines(), wrong.splitlines(), lineterm="", n=2)
    # The first three lines say which files and which lines: here it is one place in one source.
    shown = [f"{line[:1]} {line[1:]}" for line in list(changes)[3:]]
    return textwrap.indent("\n".join(shown), "  ")
