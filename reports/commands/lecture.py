"""The subcommand `gradcheck lecture LAYER|--all`: handouts, one page a layer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from reports.commands.arguments import PASSED
from reports.errors import UserError, did_you_mean


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    parser = commands.add_parser(
        "lecture",
        help="handouts: derivation, code, numbers and mistakes of a layer on one page",
        epilog="examples:\n  gradcheck lecture batch_norm\n  gradcheck lecture --all --out course",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("layers", nargs="*", metavar="LAYER", help="layers of the catalogue")
    add("--all", action="store_true", help="every layer, with an index")
    add(
        "--out",
        type=Path,
        default=Path("gradcheck-lecture"),
        metavar="DIR",
        help="where the pages are written; default: gradcheck-lecture",
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the pages and say where they lie."""
    from layers.catalogue import CATALOGUE

    names = list(CATALOGUE) if arguments.all else arguments.layers
    if not names:
        raise UserError("lecture: name a layer, or --all")
    for name in names:
        if name not in CATALOGUE:
            meant = did_you_mean(name, CATALOGUE)
            raise UserError(f"there is no layer {name!r} in the catalogue{meant}")
    from reports.files import write_text
    from reports.lecture import handout, index

    for name in names:
        path = arguments.out / f"{name}.html"
        write_text(path, handout(name))
        print(path)
    if arguments.all:
        write_text(arguments.out / "index.html", index())
        print(arguments.out / "index.html")
    return PASSED
