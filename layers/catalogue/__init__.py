"""Every layer with the configurations that are checked: where mistakes show, and where they would hide.

Sizes are distinct primes, so that a transposed or swapped axis cannot pass for the right one;
batches have two or more, so that a forgotten mean or sum over them shows; biases are not zero.
"""

from __future__ import annotations

from layers.catalogue.activations import ACTIVATIONS
from layers.catalogue.algebra import ALGEBRA
from layers.catalogue.entry import Configuration, Entry, twin_of
from layers.catalogue.images import IMAGES
from layers.catalogue.linear import LINEAR
from layers.catalogue.losses import LOSSES
from layers.catalogue.normalization import NORMALIZATION
from layers.catalogue.sequences import SEQUENCES

__all__ = ["CATALOGUE", "Configuration", "Entry", "twin_of"]

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for family in (LINEAR, ACTIVATIONS, IMAGES, LOSSES, NORMALIZATION, SEQUENCES, ALGEBRA)
    for entry in family
}
"""The catalogue, in the order in which a course would teach it."""
