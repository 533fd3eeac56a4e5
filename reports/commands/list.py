"""The subcommand `gradcheck list [FAMILY]`: the catalogue by family, with formulas and shapes."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from reports.commands.arguments import subcommand
from reports.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from layers.catalogue import Entry

WIDTH = 80


def add_to(commands: Any) -> None:
    """Add the subcommand to the command line's parser."""
    examples = "gradcheck list\n  gradcheck list normalization\n  gradcheck list lstm"
    what = "the catalogue, with formulas and shapes"
    add = subcommand(commands, "list", run, what, f"examples:\n  {examples}")
    add("family", nargs="?", metavar="FAMILY", help="a family, or one layer")


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue, or the part of it that was asked for."""
    print("\n".join(_lines(arguments.family)).rstrip())
    return 0


def _lines(wanted: str | None) -> Iterator[str]:
    from layers.catalogue import CATALOGUE
    from layers.families import FAMILIES, layers_of

    if wanted not in (None, *FAMILIES, *CATALOGUE):
        meant = did_you_mean(str(wanted), [*FAMILIES, *CATALOGUE])
        raise UserError(
            f"there is no family or layer {wanted!r}{meant or ' (gradcheck list names them)'}"
        )
    for family in FAMILIES:
        listed = [name for name in layers_of(family) if name in CATALOGUE]
        chosen = listed if wanted in (None, family) else [n for n in listed if n == wanted]
        yield from _family(family, [CATALOGUE[name] for name in chosen])
    if wanted is None:
        yield from _networks()


def _family(family: str, entries: Sequence[Entry]) -> Iterator[str]:
    if entries:
        yield from (family, "=" * len(family), "")
    for entry in entries:
        yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    checked = "; ".join(one.label for one in entry.configurations)
    yield entry.name
    for text in (entry.formula, entry.shapes.strip(), f"checked: {checked}"):
        yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
    yield ""


def _networks() -> Iterator[str]:
    from inspect import getdoc

    from layers.networks import NETWORKS

    heading = "networks, for gradcheck run --network NAME"
    yield from (heading, "=" * len(heading), "")
    for name, network in NETWORKS.items():
        yield name
        first = (getdoc(network) or "").split("\n")[0]
        yield from textwrap.wrap(first, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
        yield ""
