"""The command line: `gradcheck run`, `check TARGET`, `list`, `mistakes`, `bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import checking
from reports.bench import command as bench
from reports.errors import UserError
from reports.witness import must_be_there

PASSED, FAILED, MISUSED = 0, 1, 2
"""Exit status: all passed; a gradient or the training failed, or nothing was concluded; usage."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except UserError as error:
        print(f"gradcheck: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("gradcheck: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (head, less): no traceback for that.
        sys.stderr.close()
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradcheck",
        description="Check a backward pass derived by hand: is it right, how precisely can that be "
        "known, and if not, what is wrong?",
        epilog="Exit status: 0 all passed; 1 something failed or could not be concluded; 2 usage.",
    )
    parser.add_argument("--version", action="version", version=f"gradcheck {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="the main job: every layer, the whole network on real digits, then training"
    )
    run.add_argument(
        "--data", default="digits", metavar="digits|mnist|FILE.npz", help="default: digits"
    )
    run.add_argument("--out", type=Path, default=Path("gradcheck-report"), metavar="DIR")
    run.add_argument(
        "--network", default="digits_cnn", metavar="NAME", help="one that `gradcheck list` names"
    )
    run.add_argument(
        "--quick", action="store_true", help="fewer configurations, a shorter training"
    )
    run.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="processes for stage 1; default: 1"
    )
    run.set_defaults(command=_run)

    checking.add_to(commands)

    run.add_argument("--no-tape", action="store_true", help="do without TensorFlow")
    run.add_argument("--seed", type=_seed, default=0, metavar="N")

    mistakes = commands.add_parser("mistakes", help="planted mistakes, and what is said of each")
    mistakes.add_argument(
        "name", nargs="?", metavar="NAME", help="one of them in full, or those of a layer"
    )
    mistakes.set_defaults(command=_mistakes)

    listing = commands.add_parser("list", help="the catalogue, with formulas and shapes")
    listing.set_defaults(command=_list)

    bench.add_to(commands)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gradcheck")
    except PackageNotFoundError:
        return "(a checkout)"


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a seed is not negative")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("one job or more")
    return number


def _run(arguments: argparse.Namespace) -> int:
    from layers.networks import NETWORKS

    if arguments.network not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise UserError(f"there is no network {arguments.network!r}; there are {known}")
    from reports.request import Request
    from reports.run import run

    request = Request(
        arguments.data,
        arguments.out,
        tape=not arguments.no_tape,
        seed=arguments.seed,
        quick=arguments.quick,
        architecture=arguments.network,
        jobs=arguments.jobs,
    )
    return PASSED if run(request) else FAILED


def _list(arguments: argparse.Namespace) -> int:
    from inspect import getdoc

    from layers.catalogue import CATALOGUE
    from layers.networks import NETWORKS

    for entry in CATALOGUE.values():
        print(f"{entry.name}\n    {entry.formula}\n    {entry.shapes}")
        print(f"    checked: {'; '.join(one.label for one in entry.configurations)}\n")
    print("Networks, for `gradcheck run --network NAME`:\n")
    for name, network in NETWORKS.items():
        print(f"{name}\n    {(getdoc(network) or '').split(chr(10))[0]}\n")
    return PASSED


def _mistakes(arguments: argparse.Namespace) -> int:
    from reports.data import load
    from reports.homework import TRAINING_MISTAKES, exhibit_training

    try:
        from reports.mistakes import overview, show
    except ValueError as fault:  # A page of mistakes that cannot be read.
        raise UserError(str(fault)) from fault
    if arguments.name is None:
        print(overview())
    elif arguments.name in TRAINING_MISTAKES:
        must_be_there(getattr(arguments, "no_tape", False))
        print(exhibit_training(arguments.name, load("digits")))
    else:
        print(show(arguments.name))
    return PASSED


if __name__ == "__main__":
    sys.exit(main())
