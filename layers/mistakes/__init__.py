"""Planted mistakes, for lectures and for testing the checker: what students and frameworks got wrong."""

from __future__ import annotations

from layers.mistakes.activations import ACTIVATIONS
from layers.mistakes.algebra import ALGEBRA
from layers.mistakes.images import IMAGES
from layers.mistakes.linear import LINEAR
from layers.mistakes.losses import LOSSES
from layers.mistakes.normalization import NORMALIZATION
from layers.mistakes.planted import Mistake
from layers.mistakes.sequences import SEQUENCES

__all__ = ["MISTAKES", "Mistake"]

MISTAKES: dict[str, Mistake] = {
    mistake.name: mistake
    for family in (LINEAR, ACTIVATIONS, IMAGES, LOSSES, NORMALIZATION, SEQUENCES, ALGEBRA)
    for mistake in family
}
"""The gallery, in the order of the catalogue."""
