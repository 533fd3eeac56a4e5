"""The subcommand `gradcheck run`: the main job."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from reports.commands.arguments import FAILED, PASSED, a_path, natural, positive, subcommand
from reports.errors import UserError, did_you_mean
from reports.files import tried

EXAMPLES = """\
examples:
  gradcheck run                                    scikit-learn's digits, in gradcheck-report/
  gradcheck run --data mnist --network digits_gru
  gradcheck run --quick --no-tape                  without TensorFlow, in seconds
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    what = "the main job: every layer, the whole network on real digits, then training"
    add = subcommand(commands, "run", run, what, EXAMPLES)
    add("--data", default="digits", metavar="digits|mnist|FILE.npz", help="default: digits")
    add(
        "--out",
        type=a_path,
        default=Path("gradcheck-report"),
        metavar="DIR",
        help="where page, tables and figures are written; default: gradcheck-report",
    )
    add(
        "--network",
        default="digits_cnn",
        metavar="NAME",
        help="one that `gradcheck list` names; default: digits_cnn",
    )
    add("--quick", action="store_true", help="fewer configurations, a shorter training")
    add("--jobs", type=positive, default=1, metavar="N", help="processes for stage 1; default: 1")
    add("--executor", metavar="dask:ADDRESS|loky:N", help="who checks the layers instead")
    add(
        "--resume",
        action="store_true",
        help="go on with what an interrupted run has finished in DIR",
    )
    add("--no-tape", action="store_true", help="do without TensorFlow")
    add("--seed", type=natural, default=0, metavar="N", help="default: 0")
    add("--verbose", action="store_true", help="print every gradient, not a line for each layer")


def run(arguments: argparse.Namespace) -> int:
    """Do the job; return the exit status.

    The folder is tried first, then what is imported in a moment, and what takes seconds last.
    """
    started = time.perf_counter()
    tried(arguments.out)
    from layers.networks import NETWORKS

    if arguments.network not in NETWORKS:
        meant = did_you_mean(arguments.network, NETWORKS)
        known = ", ".join(NETWORKS)
        raise UserError(f"there is no network {arguments.network!r}{meant} (there are {known})")
    import reports.figures  # noqa: F401  Whether matplotlib is missing is said now, not after the work.
    from reports.request import Request
    from reports.run import run as job

    request = Request(
        arguments.data,
        arguments.out,
        tape=not arguments.no_tape,
        seed=arguments.seed,
        quick=arguments.quick,
        architecture=arguments.network,
        jobs=arguments.jobs,
        executor=arguments.executor,
        resume=arguments.resume,
        verbose=arguments.verbose,
        started=started,
    )
    return PASSED if job(request) else FAILED
