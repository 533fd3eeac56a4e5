"""The command line: what may be typed, what comes of it, and how every error ends in one line."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from gradcheck.version import __version__
from reports.commands import bench, check, graph, lecture, list, mistakes, run
from reports.commands.arguments import FAILED, INTERRUPTED, MISUSED
from reports.errors import UserError, did_you_mean
from reports.terminal import prepare

COMMANDS = (run, check, list, mistakes, lecture, graph, bench)
HELP = """\
examples:
  gradcheck check hw1.py                    everything in a file that can be checked
  gradcheck check dense                     a layer of the catalogue
  gradcheck mistakes conv-overlap           a planted mistake, and what is said of it
  gradcheck run                             the main job, in gradcheck-report/
  gradcheck COMMAND --help                  more of one command, with examples

your style -> the one line that checks it, in Python, after `from gradcheck import *`:
  y, backward = layer(x, W)                 check(layer, x, W)
  out, cache = forward(x, W)
  dx, dW = backward(dout, cache)            check_pair(forward, backward, x, W)
  f(x) and its gradient, derivative
  or Jacobian df(x)                         check_derivative(f, df, x)
  loss, gradients = f(W, x)                 check_loss(f, W, x)
  an object with forward and backward       check_module(Dense(4, 3), x)
  a Jacobian-vector product jvp(x, v)       check_jvp(f, jvp, x)
  PyTorch: autograd.Function, nn.Module     check_torch(f, x)
  JAX: custom_vjp, custom_jvp               check_jax(f, x)
  TensorFlow: custom_gradient, Keras layer  check_tensorflow(f, x)

exit status: 0 all passed; 1 something failed or could not be concluded; 2 usage.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    prepare()
    try:
        arguments = _parser().parse_args(argv)
        status = int(arguments.command(arguments))
        sys.stdout.flush()
        return status
    except UserError as error:
        _say(str(error))
        return MISUSED
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (head, less): no traceback for that.
        sys.stderr.close()
        return FAILED
    except OSError as error:
        # A full disk, a closed stream, a folder that went away.
        _say(f"{error.strerror or error}: {error.filename or 'output'}")
        _drop_what_cannot_be_written(sys.stdout)
        return MISUSED


def _drop_what_cannot_be_written(stream: TextIO) -> None:
    """Python would try again at its end what is in the buffer, and exit with a status of its own."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            stream.close()


def _say(text: str) -> None:
    """One line on stderr, whatever is in the text."""
    with suppress(OSError):  # Where nothing can be said, the exit status still says it.
        print(f"gradcheck: {_one_line(text)}", file=sys.stderr)
    _drop_what_cannot_be_written(sys.stderr)


def _one_line(text: str) -> str:
    """The text with what a user wrote in it, a newline in a file's name say, as Python shows it."""
    from gradcheck.render import printable  # Who gets no error need not wait for it.

    return printable(text)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and which answers a word it does not know with the likely one."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version, written whole or with an error, which argparse would keep to itself."""
        print(message, end="", file=file or sys.stderr, flush=True)

    def error(self, message: str) -> NoReturn:
        """What is wrong, what was meant, if it can be guessed, and where the rest is said; status 2."""
        unknown = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if unknown:
            known = re.findall(r"[\w-]+", unknown[2])
            message = f"there is no {unknown[1]!r}{did_you_mean(unknown[1], known)}"
            message += f" (there are {', '.join(known)})"
        _say(f"{message} ({self.prog} --help)")
        sys.exit(MISUSED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gradcheck",
        description="Check a backward pass derived by hand: is it right, how precisely can that be\n"
        "known, and if not, what is wrong?",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gradcheck {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
