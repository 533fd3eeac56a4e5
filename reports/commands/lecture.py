"""The subcommand `gradcheck lecture LAYER|FILE.py:NAME|--all`: handouts, one page a layer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reports.commands.arguments import PASSED, a_path, natural, subcommand
from reports.errors import UserError


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    add = subcommand(
        commands,
        "lecture",
        run,
        "handouts: derivation, code, numbers and mistakes of a layer on one page",
        "examples:\n  gradcheck lecture batch_norm\n  gradcheck lecture hw1.py:affine\n"
        "  gradcheck lecture --all --out course",
    )
    add("targets", nargs="*", metavar="LAYER|FILE.py:NAME", help="of the catalogue, or in a file")
    add("--all", action="store_true", help="a course: every layer, with its chapters and an index")
    add("--slides", action="store_true", help="one idea a slide; arrow keys; prints to PDF")
    add("--notebook", action="store_true", help="as a notebook to run")
    add(
        "--out",
        type=a_path,
        default=Path("gradcheck-lecture"),
        metavar="DIR",
        help="where the pages are written; default: gradcheck-lecture",
    )
    add("--seed", type=natural, default=0, metavar="N", help="for what is in a file; default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Write the pages and say where they lie."""
    from layers.catalogue import CATALOGUE

    targets = list(CATALOGUE) if arguments.all else arguments.targets
    if not targets:
        raise UserError("lecture: name a layer or FILE.py:NAME, or --all")
    # All names are looked at before the first page is made.
    pages = [_page(target, arguments) for target in targets]
    for name, made in pages:
        _write(arguments.out / name, made())
    if arguments.all:
        from reports.lecture import chapters

        for name, text in chapters().items():
            _write(arguments.out / f"{name}.html", text)
    return PASSED


def _write(path: Path, text: str) -> None:
    from reports.files import write_text

    write_text(path, text)
    print(path)


def _page(target: str, arguments: argparse.Namespace) -> tuple[str, Callable[[], str]]:
    """What the page of a target is called, and how it is made.

    Raises:
        UserError: if there is no such layer, and it is no FILE.py:NAME.
    """
    from layers.catalogue import CATALOGUE
    from reports.lecture import handout, notebook, own_handout, own_notebook, own_slides, slides
    from reports.targets import one_of
    from reports.targets.options import Options

    form = _form(arguments)
    ours = {"html": handout, "slides.html": slides, "ipynb": notebook}
    beside = partial(own_notebook, folder=arguments.out)
    theirs: dict[str, Callable[..., str]]
    theirs = {"html": own_handout, "slides.html": own_slides, "ipynb": beside}
    if target in CATALOGUE:
        return f"{target}.{form}", partial(ours[form], target)
    place, name = one_of(target, "a handout")
    return f"{name}.{form}", partial(theirs[form], place, name, Options(seed=arguments.seed))


def _form(arguments: argparse.Namespace) -> str:
    if arguments.slides and arguments.notebook:
        raise UserError("--slides or --notebook, one at a time")
    if arguments.notebook:
        return "ipynb"
    return "slides.html" if arguments.slides else "html"
