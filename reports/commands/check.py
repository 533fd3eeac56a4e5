"""The subcommand `gradcheck check TARGET…`: every target gets its result, in the form that was asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from reports.commands.arguments import (
    FAILED,
    MISUSED,
    PASSED,
    natural,
    positive,
    seconds,
    subcommand,
)
from reports.errors import UserError
from reports.terminal import coloured, width

if TYPE_CHECKING:
    # What is imported here is paid for by `gradcheck --help`.
    from reports.progress import Waiting
    from reports.targets import Outcome
    from reports.targets.options import Options

FORMATS = ("text", "json", "markdown", "latex", "html", "csv", "github", "sarif", "junit")
DRAWN = ("svg", "pdf", "png")
METHODS = ("extrapolated", "central", "forward", "complex")
EFFORTS = ("complete", "directional", "auto")

TIMEOUT = (
    "seconds that a target of a file may take; by default as long as it is seen to go on, "
    "and 300 without a sign of that"
)

EXAMPLES = """\
what FILE.py may hold, and what is done with it (NAME_inputs(rng) beside it returns the inputs as a dict):
  def NAME(x, W): … return y, backward             a layer: value and way back     check
  def NAME_forward(…), def NAME_backward(…)        a pair with a cache             check_pair
  def NAME(x), def NAME_gradient(x)                a derivative or Jacobian        check_derivative
  def NAME(W, X, y): … return loss, gradients      a loss with its gradients       check_loss
  class NAME with forward and backward             an object                       check_module

examples:
  gradcheck check dense                            a layer of the catalogue
  gradcheck check hw1.py                           everything in a file that can be checked
  gradcheck check hw1.py:affine --input x=3,5 --input w=5,2 --input b=2
  gradcheck check hw1.py --format github --timeout 60
  gradcheck check hw1.py --fix | patch -p1
  gradcheck check hw1.py:affine --format pdf > affine.pdf
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    what = "check backward passes: of the catalogue, a file, a notebook, a module"
    add = subcommand(commands, "check", run, what, EXAMPLES)
    add(
        "targets",
        nargs="+",
        metavar="TARGET",
        help="a layer of the catalogue, FILE.py[:NAME], NOTEBOOK.ipynb[:NAME], package.module:NAME",
    )
    add("--format", choices=FORMATS + DRAWN, default="text", help="default: text")
    add("--lines", action="store_true", help="mark every line of the backward pass, right or wrong")
    add(
        "--fix",
        action="store_true",
        help="print a patch that mends what fails, proved, and no table",
    )
    add("--smallest", action="store_true", help="shrink each case until it fits on a blackboard")
    add("--effort", choices=EFFORTS, default="complete", help="default: complete (every entry)")
    add(
        "--budget",
        type=seconds,
        metavar="S",
        help="seconds for --effort auto; default: 10",
    )
    add("--method", choices=METHODS, default="extrapolated", help="default: extrapolated")
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SPEC",
        help="x=3,5 | x=float32:3,5 | labels=int:5:0..9 | W=@weights.npy; may be repeated",
    )
    add("--upstream", metavar="@FILE.npy", help="the upstream gradient; default: random signs")
    add("--twin", metavar="NAME", help="the twin in FILE.py; default: NAME_twin, if there is one")
    add("--timeout", type=seconds, metavar="S", help=TIMEOUT)
    add("--jobs", type=positive, default=1, metavar="N", help="targets at a time; default: 1")
    add("--watch", action="store_true", help="check again whenever a file is saved")
    add("--quiet", action="store_true", help="only the verdict of each target")
    add("--no-tape", action="store_true", help="do without TensorFlow")
    add("--seed", type=natural, default=0, metavar="N", help="default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Check the targets once, or again and again; return the exit status."""
    _refuse(arguments)
    if not arguments.watch:
        return _once(arguments)
    from reports.commands.watch import whenever_saved

    return whenever_saved(arguments.targets, lambda: _once(arguments))


def _refuse(arguments: argparse.Namespace) -> None:
    """Raise UserError for options that do not go together."""
    if arguments.fix and (arguments.format != "text" or arguments.effort != "complete"):
        raise UserError(
            "--fix prints a patch after a complete check: leave out --format and --effort"
        )
    if arguments.budget is not None and arguments.effort != "auto":
        raise UserError(f"--budget goes with --effort auto, not with --effort {arguments.effort}")
    if arguments.format in ("pdf", "png") and sys.stdout.isatty():
        raise UserError(
            f"--format {arguments.format} is nothing to read: add > FILE.{arguments.format}"
        )


def _once(arguments: argparse.Namespace) -> int:
    from reports.progress import Waiting

    waiting = Waiting()
    outcomes: list[Outcome] = []
    for one in _outcomes(arguments, _options(arguments), waiting):
        with waiting.aside():
            _show(one, arguments, first=not outcomes)
        outcomes.append(one)
    if arguments.format in DRAWN:
        from reports.drawn import draw

        draw(outcomes, arguments.format)
    elif arguments.format != "text":
        from reports.formats import FORMATS as WRITTEN

        print(WRITTEN[arguments.format](outcomes), flush=True)
    return _status(outcomes)


def _show(one: Outcome, arguments: argparse.Namespace, *, first: bool) -> None:
    """Print what came of a target as soon as it is known: for people, not for programs."""
    from gradcheck.render import printable

    if one.error is not None:
        print(f"gradcheck: {printable(one.error)}", file=sys.stderr, flush=True)
    elif arguments.fix:
        _mend(one)
    elif arguments.format == "text":
        separator = "" if first or arguments.quiet else "\n"
        print(separator + coloured(_in_words(one, arguments), sys.stdout), flush=True)


def _options(arguments: argparse.Namespace) -> Options:
    from reports.targets.options import Options
    from reports.targets.specs import parsed, upstream_of

    check: dict[str, Any] = {"effort": arguments.effort, "method": arguments.method}
    if arguments.budget is not None:
        check["budget"] = arguments.budget
    if arguments.lines:
        check["lines"] = True
    if arguments.upstream:
        check["upstream"] = upstream_of(arguments.upstream)
    inputs = dict(parsed(text) for text in arguments.input)
    tape = not arguments.no_tape
    return Options(
        arguments.seed, tape, arguments.timeout, check, inputs, arguments.twin,
        smallest=arguments.smallest, drawn=arguments.format in DRAWN,
    )  # fmt: skip


def _outcomes(
    arguments: argparse.Namespace, options: Options, waiting: Waiting
) -> Iterator[Outcome]:
    """The outcomes in the order of the targets, some worked out at the same time."""
    from reports.targets import has_twin, outcomes
    from reports.witness import must_be_there

    if any(map(has_twin, arguments.targets)) and not arguments.no_tape:
        waiting.say("starting TensorFlow, the second witness (--no-tape does without)")
        must_be_there()
    if arguments.jobs == 1:
        for target in arguments.targets:
            yield from outcomes(target, options, waiting)
        return
    from concurrent.futures import ThreadPoolExecutor

    def work(target: str) -> list[Outcome]:
        return list(outcomes(target, options, waiting))

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for found in pool.map(work, arguments.targets):
            yield from found


def _status(outcomes: Sequence[Outcome]) -> int:
    """That of the worst: an error, then a failure."""
    if any(one.error is not None for one in outcomes):
        return MISUSED
    return PASSED if all(one.report for one in outcomes) else FAILED


def _in_words(one: Outcome, arguments: argparse.Namespace) -> str:
    from gradcheck.render import printable, sentence

    assert one.report is not None
    report, columns = one.report, width()
    if arguments.quiet:
        return f"{printable(report.title)}: {report.verdict}"
    parts = [*(sentence(note, columns) for note in one.notes), report.to_text(columns)]
    if arguments.lines:
        notes = [sentence(note, columns) for note in report.by_line.notes]
        parts += ["", *notes, report.by_line.text(width=columns)]
    if arguments.smallest and report.rows:
        parts += ["", str(report.smallest())]
    return "\n".join(parts).rstrip()


def _mend(one: Outcome) -> None:
    """The patch on stdout, for `patch -p1`; what it is about on stderr, for people."""
    from gradcheck.render import printable

    assert one.report is not None
    repair = one.report.repair
    said = "" if one.report.passed else " No edit was found that makes every gradient pass."
    if repair is not None:
        print(repair.diff, end="", flush=True)
        said = f" {repair}"
    text = printable(f"{one.report.title}: {one.report.verdict}.{said}")
    print(text, file=sys.stderr, flush=True)
