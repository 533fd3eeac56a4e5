"""The subcommand `gradcheck graph LAYER|FILE.py:NAME`: the graph of tensors, as an SVG."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from reports.commands.arguments import PASSED, a_path, natural, subcommand

if TYPE_CHECKING:
    from gradcheck.result import Traced


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    add = subcommand(
        commands,
        "graph",
        run,
        "the graph of tensors: every value of a layer with its gradient",
        "examples:\n  gradcheck graph lstm --out lstm.svg\n"
        "  gradcheck graph hw1.py:batch_norm > graph.svg",
    )
    add("target", metavar="LAYER|FILE.py:NAME", help="of the catalogue, or in a file")
    add("--out", type=a_path, metavar="FILE.svg", help="default: standard output")
    add("--seed", type=natural, default=0, metavar="N", help="default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Draw the graph and write it."""
    from reports.files import write_text
    from reports.lecture.blackboard import graph

    drawn = graph(_values(arguments.target, arguments.seed), arguments.target)
    if arguments.out is None:
        print(drawn)
    else:
        write_text(arguments.out, drawn)
        print(arguments.out)
    return PASSED


def _values(target: str, seed: int) -> list[Traced]:
    """The values of a layer of the catalogue, or of what a file holds.

    Raises:
        UserError: if there is no such thing, or its source cannot be followed.
    """
    from layers.catalogue import CATALOGUE
    from reports.targets import one_of, traced
    from reports.targets.options import Options

    if target in CATALOGUE:
        from reports.places import Place

        return Place(target, 0).check(seed, lines=False).tensors()
    place, name = one_of(target, "a graph")
    return traced(place, name, Options(seed=seed))
