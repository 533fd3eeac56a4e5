"""`gradcheck bench` on the command line: which sections, how large a sample, and what is written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from reports.commands.arguments import natural, positive

if TYPE_CHECKING:
    # What is imported here is paid for by `gradcheck --help`.
    from reports.bench.section import Section


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to those there are."""
    parser = commands.add_parser(
        "bench",
        help="what is promised, measured on this machine",
        description="Measure what the project promises, section by section, each figure beside its "
        "promise. Exit status: 0 every promise is kept; 1 one is broken; 2 usage.",
        epilog="For example: gradcheck bench coverage alarms --quick",
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="name the sections, measure nothing")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small samples: seconds a section")
    size.add_argument("--samples", type=positive, metavar="N", help="a sample of N everywhere")
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--data", default="digits", metavar="digits|mnist|FILE.npz", help="default: digits"
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="processes, where it helps; default: 1",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure what was asked for; the exit status."""
    from reports.bench import story
    from reports.bench.sections import GROUPS, SECTIONS

    if arguments.list:
        print(story.listing(SECTIONS, GROUPS))
        return 0
    chosen = story.named(arguments.sections, SECTIONS, GROUPS)
    return story.bench([(section, _size(section, arguments)) for section in chosen], arguments)


def _size(section: Section, arguments: argparse.Namespace) -> int:
    if not section.size:
        return 0
    return section.quick if arguments.quick else arguments.samples or section.size
