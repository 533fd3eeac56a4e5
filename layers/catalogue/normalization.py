"""Configurations of the normalizations: γ is far from 1, and ε large enough to be missed."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, joined, normal, positive, scaled, shifted
from layers.catalogue.entry import case, entry
from layers.normalization import (
    batch_norm,
    batch_norm_inference,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)


def _affine(*shape: int, offset: float = 0.0) -> Inputs:
    x = shifted(offset, normal(x=shape))
    return joined(x, shifted(3, normal(gamma=shape[-1:])), normal(beta=shape[-1:]))


def _trained(*shape: int) -> Inputs:
    C = shape[-1:]
    return joined(_affine(*shape), normal(mean=C), positive(variance=C))


def _without_shift(*shape: int) -> Inputs:
    return joined(normal(x=shape), shifted(3, normal(gamma=shape[-1:])))


NORMALIZATION = (
    entry(
        batch_norm,
        case("rows", _affine(7, 5)),
        case("image", _affine(3, 2, 5, 7)),
        case("eps=0.3", _affine(5, 3), eps=0.3),
        case("far from 0", _affine(11, 2, offset=30.0)),
        case("small gamma", scaled(1e-2, _affine(5, 7))),
    ),
    entry(
        batch_norm_inference,
        case("rows", _trained(7, 5)),
        case("image, eps=0.3", _trained(2, 3, 5, 7), eps=0.3),
    ),
    entry(
        layer_norm,
        case("rows", _affine(3, 7)),
        case("sequence, eps=0.3", _affine(2, 5, 7), eps=0.3),
    ),
    entry(
        group_norm,
        case("groups=2", _affine(3, 2, 5, 6), groups=2),
        case("groups=3, eps=0.3", _affine(2, 7, 9), groups=3, eps=0.3),
        case("one group", _affine(3, 2, 2, 5), groups=1),
    ),
    entry(
        instance_norm,
        case("image", _affine(3, 2, 5, 7)),
        case("sequence, eps=0.3", _affine(2, 7, 3), eps=0.3),
    ),
    entry(
        rms_norm,
        case("rows", _without_shift(3, 7)),
        case("sequence, eps=0.3", _without_shift(2, 5, 7), eps=0.3),
    ),
)
