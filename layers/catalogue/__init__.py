"""Every layer with the configurations that are checked: where mistakes show, and where they would hide.

Sizes are distinct primes, so that a transposed or swapped axis cannot pass for the right one;
batches have two or more, so that a forgotten mean or sum over them shows; biases are not zero.
"""

from __future__ import annotations

from layers.catalogue.entry import Configuration, Entry, entries_of, twin_of
from layers.families import FAMILIES

__all__ = ["CATALOGUE", "Configuration", "Entry", "twin_of"]

CATALOGUE: dict[str, Entry] = {
    entry.name: entry for family in FAMILIES for entry in entries_of(family)
}
"""The catalogue, in the order in which a course would teach it."""
