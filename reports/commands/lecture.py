"""The subcommand `gradcheck lecture LAYER|FILE.py:NAME|--all`: handouts, one page a layer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reports.commands.arguments import PASSED, natural
from reports.errors import UserError


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    parser = commands.add_parser(
        "lecture",
        help="handouts: derivation, code, numbers and mistakes of a layer on one page",
        epilog="examples:\n  gradcheck lecture batch_norm\n  gradcheck lecture hw1.py:affine\n"
        "  gradcheck lecture --all --out course",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("targets", nargs="*", metavar="LAYER|FILE.py:NAME", help="of the catalogue, or in a file")
    add("--all", action="store_true", help="every layer, with an index")
    add(
        "--out",
        type=Path,
        default=Path("gradcheck-lecture"),
        metavar="DIR",
        help="where the pages are written; default: gradcheck-lecture",
    )
    add("--seed", type=natural, default=0, metavar="N", help="for what is in a file; default: 0")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the pages and say where they lie."""
    from layers.catalogue import CATALOGUE

    targets = list(CATALOGUE) if arguments.all else arguments.targets
    if not targets:
        raise UserError("lecture: name a layer or FILE.py:NAME, or --all")
    from reports.files import write_text
    from reports.lecture import index

    # All names are looked at before the first page is made.
    pages = [_page(target, arguments.seed) for target in targets]
    for name, made in pages:
        path = arguments.out / f"{name}.html"
        write_text(path, made())
        print(path)
    if arguments.all:
        write_text(arguments.out / "index.html", index())
        print(arguments.out / "index.html")
    return PASSED


def _page(target: str, seed: int) -> tuple[str, Callable[[], str]]:
    """What the page of a target is called, and how it is made.

    Raises:
        UserError: if there is no such layer, and it is no FILE.py:NAME.
    """
    from layers.catalogue import CATALOGUE
    from reports.lecture import handout, own_handout
    from reports.targets import Options, unknown

    if target in CATALOGUE:
        return target, partial(handout, target)
    place, colon, name = target.rpartition(":")
    if not colon and target.endswith((".py", ".ipynb")):
        raise UserError(f"a handout is of one thing: {target}:NAME")
    if not colon or not name:
        raise UserError(unknown(target))
    return name, partial(own_handout, place, name, Options(seed=seed))
