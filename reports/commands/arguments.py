"""What several subcommands take: the kinds of their numbers, and the exit statuses."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASSED, FAILED, MISUSED = 0, 1, 2
"""All passed; something failed or could not be concluded; usage or bad input."""

INTERRUPTED = 130
"""What a shell reports of a program that ended by Ctrl-C."""


def natural(text: str) -> int:
    """A whole number from 0 up: a seed."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative, expected 0 or more")
    return number


def positive(text: str) -> int:
    """A whole number from 1 up: jobs, samples."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small, expected 1 or more")
    return number


def seconds(text: str) -> float:
    """A time above 0."""
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is no time, expected seconds above 0")
    return number


def a_path(text: str) -> Path:
    """A file or a folder; nothing, an unset variable say, is not taken for the folder here."""
    if not text:
        raise argparse.ArgumentTypeError(
            "the name is empty, expected a path (. is the folder you are in)"
        )
    return Path(text)


def subcommand(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], what: str, examples: str
) -> Callable[..., argparse.Action]:
    """A subcommand among those there are; returns what adds its arguments."""
    parser = commands.add_parser(
        name, help=what, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=run)
    add: Callable[..., argparse.Action] = parser.add_argument
    return add
