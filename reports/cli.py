"""The command line: `gradcheck run`, `check TARGET`, `list`, `mistakes`, `bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from reports.commands import bench, check, graph, lecture, list, mistakes, run
from reports.commands.arguments import FAILED, MISUSED
from reports.errors import UserError
from reports.terminal import prepare

COMMANDS = (run, check, list, mistakes, lecture, graph, bench)
INTERRUPTED = 130
"""What a shell reports of a program that ended by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    prepare()
    arguments = _parser().parse_args(argv)
    try:
        status = int(arguments.command(arguments))
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"gradcheck: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("gradcheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (head, less): no traceback for that.
        sys.stderr.close()
        return FAILED
    except OSError as error:
        # A full disk, a closed stream, a folder that went away.
        print(
            f"gradcheck: {error.strerror or error}: {error.filename or 'output'}", file=sys.stderr
        )
        return MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradcheck",
        description="Check a backward pass derived by hand: is it right, how precisely can that be "
        "known, and if not, what is wrong?",
        epilog="Exit status: 0 all passed; 1 something failed or could not be concluded; 2 usage.",
    )
    parser.add_argument("--version", action="version", version=f"gradcheck {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _version() -> str:
    """The version that is installed; asked of its metadata, as importing the checker takes NumPy."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gradcheck")
    except PackageNotFoundError:
        return "of a checkout that is not installed"


if __name__ == "__main__":
    sys.exit(main())
