"""Configurations of the normalizations: γ is far from 1, and ε large enough to be missed."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, joined, normal, positive, scaled, shifted
from layers.catalogue.entry import Configurations, case


def affine(*shape: int, offset: float = 0.0) -> Inputs:
    """x with γ around 3 and β around 0."""
    x = shifted(offset, normal(x=shape))
    return joined(x, shifted(3, normal(gamma=shape[-1:])), normal(beta=shape[-1:]))


def trained(*shape: int) -> Inputs:
    """The same with a mean and a variance from training."""
    C = shape[-1:]
    return joined(affine(*shape), normal(mean=C), positive(variance=C))


def without_shift(*shape: int) -> Inputs:
    """x with γ around 3."""
    return joined(normal(x=shape), shifted(3, normal(gamma=shape[-1:])))


CONFIGURATIONS: Configurations = {
    "batch_norm": (
        case("rows", affine(7, 5)),
        case("image", affine(3, 2, 5, 7)),
        case("eps=0.3", affine(5, 3), eps=0.3),
        case("far from 0", affine(11, 2, offset=30.0)),
        case("small gamma", scaled(1e-2, affine(5, 7))),
    ),
    "batch_norm_inference": (
        case("rows", trained(7, 5)),
        case("image, eps=0.3", trained(2, 3, 5, 7), eps=0.3),
    ),
    "layer_norm": (
        case("rows", affine(3, 7)),
        case("sequence, eps=0.3", affine(2, 5, 7), eps=0.3),
    ),
    "group_norm": (
        case("groups=2", affine(3, 2, 5, 6), groups=2),
        case("groups=3, eps=0.3", affine(2, 7, 9), groups=3, eps=0.3),
        case("one group", affine(3, 2, 2, 5), groups=1),
    ),
    "instance_norm": (
        case("image", affine(3, 2, 5, 7)),
        case("sequence, eps=0.3", affine(2, 7, 3), eps=0.3),
    ),
    "rms_norm": (
        case("rows", without_shift(3, 7)),
        case("sequence, eps=0.3", without_shift(2, 5, 7), eps=0.3),
    ),
}
