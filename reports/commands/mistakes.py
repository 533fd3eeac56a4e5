"""The subcommand `gradcheck mistakes [NAME]`: planted mistakes, and what the checker says of each."""

from __future__ import annotations

import argparse
from typing import Any

from reports.commands.arguments import PASSED, subcommand
from reports.errors import UserError
from reports.witness import must_be_there


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    examples = "gradcheck mistakes\n  gradcheck mistakes dense\n  gradcheck mistakes conv-overlap"
    what = "planted mistakes, and what is said of each"
    add = subcommand(commands, "mistakes", run, what, f"examples:\n  {examples}")
    add("name", nargs="?", metavar="NAME", help="one of them in full, or those of a layer")


def run(arguments: argparse.Namespace) -> int:
    """Print them all, those of a layer, or one in full."""
    from reports.data import load
    from reports.homework import TRAINING_MISTAKES, exhibit_training

    try:
        from reports.mistakes import overview, show
    except ValueError as fault:  # A page of mistakes that cannot be read.
        raise UserError(str(fault)) from fault
    if arguments.name is None:
        print(overview())
    elif arguments.name in TRAINING_MISTAKES:
        must_be_there()
        print(exhibit_training(arguments.name, load("digits")))
    else:
        print(show(arguments.name))
    return PASSED
