"""Mistakes in normalizations."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import Inputs, joined, normal, shifted
from layers.catalogue.entry import case
from layers.mistakes.planted import Mistake
from layers.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm


def _affine(*shape: int) -> Inputs:
    return joined(normal(x=shape), shifted(3, normal(gamma=shape[-1:])), normal(beta=shape[-1:]))


def _unit(*shape: int) -> Inputs:
    def draw(rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {
            "x": rng.normal(size=shape),
            "gamma": np.ones(shape[-1]),
            "beta": np.zeros(shape[-1]),
        }

    return draw


def _rms(*shape: int) -> Inputs:
    return joined(normal(x=shape), shifted(3, normal(gamma=shape[-1:])))


_ROWS, _UNIT = case("rows", _affine(7, 5)), case("gamma = 1", _unit(7, 5))
_IMAGE = case("image", _affine(3, 2, 5, 4))
_HELD = "statistics-held-constant"

NORMALIZATION = (
    Mistake(
        "batch-norm-mean",
        batch_norm,
        "dx = dcentred + dmean / m\n        return",
        "dx = dcentred\n        return",
        _HELD,
        "x",
        "The mean depends on x too.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-variance",
        batch_norm,
        "dxhat * scale + 2 / m * dvar * centred",
        "dxhat * scale",
        _HELD,
        "x",
        "The variance depends on x too.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-both",
        batch_norm,
        "dx = dcentred + dmean / m\n        return",
        "dx = dxhat * scale\n        return",
        _HELD,
        "x",
        "Both statistics treated as constants: the backward pass of inference.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-image-mean",
        batch_norm,
        "dx = dcentred + dmean / m\n        return",
        "dx = dcentred\n        return",
        _HELD,
        "x",
        "The same on images.",
        _IMAGE,
    ),
    Mistake(
        "batch-norm-gamma",
        batch_norm,
        "dxhat = dy * gamma",
        "dxhat = dy",
        "scaled",
        "x",
        "γ forgotten: right as long as it is 1, its initial value.",
        _ROWS,
        _UNIT,
    ),
    Mistake(
        "batch-norm-gamma-mean",
        batch_norm,
        "dgamma = (dy * xhat).sum",
        "dgamma = (dy * xhat).mean",
        "averaged",
        "gamma",
        "Averaged over the batch.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-beta-mean",
        batch_norm,
        "dbeta = dy.sum",
        "dbeta = dy.mean",
        "averaged",
        "beta",
        "Averaged over the batch.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-gamma-of-x",
        batch_norm,
        "dgamma = (dy * xhat).sum",
        "dgamma = (dy * x).sum",
        "unknown",
        "gamma",
        "Multiplied with x instead of what γ multiplies.",
        _ROWS,
    ),
    Mistake(
        "batch-norm-half",
        batch_norm,
        "dvar = -dscale * scale**3 / 2",
        "dvar = -dscale * scale**3",
        _HELD,
        "x",
        "The half of the square root's derivative forgotten: the variance's part comes out twice.",
        _ROWS,
    ),
    Mistake(
        "layer-norm-mean",
        layer_norm,
        "dxhat - through_mean - through_var",
        "dxhat - through_var",
        _HELD,
        "x",
        "The mean depends on x too.",
        _ROWS,
    ),
    Mistake(
        "layer-norm-variance",
        layer_norm,
        "dxhat - through_mean - through_var",
        "dxhat - through_mean",
        _HELD,
        "x",
        "The variance depends on x too.",
        _ROWS,
    ),
    Mistake(
        "layer-norm-gamma",
        layer_norm,
        "dxhat = dy * gamma",
        "dxhat = dy",
        "scaled",
        "x",
        "γ forgotten: it differs from feature to feature, so no single factor is missing.",
        _ROWS,
        _UNIT,
    ),
    Mistake(
        "layer-norm-late-gamma",
        layer_norm,
        "dx = scale * (dxhat",
        "dx = gamma * scale * (dxhat",
        "scaled",
        "x",
        "γ applied twice.",
        _ROWS,
        _UNIT,
    ),
    Mistake(
        "rms-norm-variance",
        rms_norm,
        "dx = scale * (dxhat - through_rms)",
        "dx = scale * dxhat",
        _HELD,
        "x",
        "The root mean square depends on x too.",
        case("rows", _rms(3, 7)),
    ),
    Mistake(
        "rms-norm-mean",
        rms_norm,
        "(dxhat - through_rms)",
        "(dxhat - through_rms - dxhat.mean(axis=-1, keepdims=True))",
        "unknown",
        "x",
        "A mean taken away that was never there: copied from layer normalization.",
        case("rows", _rms(3, 7)),
    ),
    Mistake(
        "group-norm-mean",
        group_norm,
        "dxhat - through_mean - through_var",
        "dxhat - through_var",
        _HELD,
        "x",
        "The mean depends on x too.",
        case("one group", _affine(3, 2, 2, 5), groups=1),
    ),
    Mistake(
        "instance-norm-mean",
        instance_norm,
        "dxhat - through_mean - through_var",
        "dxhat - through_var",
        _HELD,
        "x",
        "The mean depends on x too.",
        _IMAGE,
    ),
    Mistake(
        "instance-norm-variance",
        instance_norm,
        "dxhat - through_mean - through_var",
        "dxhat - through_mean",
        _HELD,
        "x",
        "The variance depends on x too.",
        _IMAGE,
    ),
)
