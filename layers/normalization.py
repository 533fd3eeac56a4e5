"""Normalization: activations brought to mean 0 and variance 1, then scaled and shifted by what is learned.

Batch normalization is derived twice: here step by step, as the chain rule gives it, each statistic a
node of its own; for the others in the closed form to which these steps collapse,

    dx = (dxhat − mean(dxhat) − xhat mean(dxhat xhat)) / std

(Ioffe and Szegedy, Batch Normalization, 2015; Ba et al., Layer Normalization, 2016).
"""

from __future__ import annotations

import numpy as np

from layers.arguments import number, split
from layers.sums import total
from layers.types import Array, Backward, expect


def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Backward]:
    """y = γ (x − mean) / √(var + ε) + β,  mean and variance over all axes but the last

    x (N, …, C), gamma (C,), beta (C,) -> y (N, …, C)

    Each step of the way back belongs to one line of the way there; m entries share a statistic.

        xhat = centred · scale        dscale = Σ dxhat centred
        scale = (var + ε)^{−1/2}      dvar = −dscale scale³ / 2
        var = Σ centred² / m          dcentred = dxhat scale + 2/m dvar centred
        centred = x − mean            dmean = −Σ dcentred
        mean = Σ x / m                dx = dcentred + dmean / m
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma, beta)
    m = x.size // x.shape[-1]

    mean = total(x) / m
    centred = x - mean
    var = total(centred * centred) / m
    scale = 1 / np.sqrt(var + eps)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dbeta = total(dy)
        dgamma = total(dy * xhat)
        dxhat = dy * gamma
        dscale = total(dxhat * centred)
        dvar = -dscale * scale**3 / 2
        dcentred = dxhat * scale + 2 / m * dvar * centred
        dmean = -total(dcentred)
        dx = dcentred + dmean / m
        return dx, dgamma, dbeta

    return y, backward


def batch_norm_inference(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, *, eps: float = 1e-5
) -> tuple[Array, Backward]:
    """y = γ (x − mean) / √(variance + ε) + β,  with statistics from training

    x (N, …, C), gamma, beta, mean, variance (C,) -> y (N, …, C)

    The statistics do not depend on x here, so nothing flows through them into dx.

        dx = dy γ / std,    dγ = Σ dy xhat,    dβ = Σ dy
        dmean = −Σ dy γ / std,    dvariance = −Σ dy γ xhat / (2 std²)
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma, beta, mean, variance)

    scale = 1 / np.sqrt(variance + eps)
    centred = x - mean
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy: Array) -> tuple[Array, Array, Array, Array, Array]:
        dbeta = total(dy)
        dgamma = total(dy * xhat)
        dxhat = dy * gamma
        dscale = total(dxhat * centred)
        dvariance = -dscale * scale**3 / 2
        dx = dxhat * scale
        dmean = -total(dx)
        return dx, dgamma, dbeta, dmean, dvariance

    return y, backward


def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Backward]:
    """y = γ (x − mean) / √(var + ε) + β,  mean and variance over the last axis

    x (…, D), gamma (D,), beta (D,) -> y (…, D)

        dγ = Σ dy xhat,    dβ = Σ dy                  over all axes but the last
        dxhat = dy γ
        dx = (dxhat − mean(dxhat) − xhat mean(dxhat xhat)) / std
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma, beta)

    centred = x - x.mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dbeta = total(dy)
        dgamma = total(dy * xhat)
        dxhat = dy * gamma
        through_mean = dxhat.mean(axis=-1, keepdims=True)
        through_var = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
        dx = scale * (dxhat - through_mean - through_var)
        return dx, dgamma, dbeta

    return y, backward


def group_norm(
    x: Array, gamma: Array, beta: Array, *, groups: int, eps: float = 1e-5
) -> tuple[Array, Backward]:
    """y = γ (x − mean) / √(var + ε) + β,  over each sample's pixels and one group of its channels

    x (N, …, C), gamma (C,), beta (C,) -> y (N, …, C)

    Wu and He, Group Normalization, 2018. One group is layer normalization over a whole image,
    C groups are instance normalization.

        dγ = Σ dy xhat,    dβ = Σ dy                  over all axes but the last
        dxhat = dy γ
        dx = (dxhat − mean(dxhat) − xhat mean(dxhat xhat)) / std      in each group
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma, beta)
    N, C = len(x), x.shape[-1]
    groups = split("groups", groups, C, "channels")

    # (N, pixels, groups, channels of a group): the statistics belong to axes 1 and 3.
    grouped = x.reshape(N, -1, groups, C // groups)
    centred = grouped - grouped.mean(axis=(1, 3), keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(axis=(1, 3), keepdims=True) + eps)
    xhat = centred * scale
    y = gamma * xhat.reshape(x.shape) + beta

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dbeta = total(dy)
        dgamma = total(dy * xhat.reshape(x.shape))
        dxhat = (dy * gamma).reshape(grouped.shape)
        through_mean = dxhat.mean(axis=(1, 3), keepdims=True)
        through_var = xhat * (dxhat * xhat).mean(axis=(1, 3), keepdims=True)
        dgrouped = scale * (dxhat - through_mean - through_var)
        dx = dgrouped.reshape(x.shape)
        return dx, dgamma, dbeta

    return y, backward


def instance_norm(
    x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
) -> tuple[Array, Backward]:
    """y = γ (x − mean) / √(var + ε) + β,  over each sample's pixels, channel by channel

    x (N, …, C), gamma (C,), beta (C,) -> y (N, …, C)

    Ulyanov et al., Instance Normalization, 2016.

        dγ = Σ dy xhat,    dβ = Σ dy                  over all axes but the last
        dxhat = dy γ
        dx = (dxhat − mean(dxhat) − xhat mean(dxhat xhat)) / std      in each image and channel
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma, beta)
    expect(x.ndim > 2, f"x has shape {x.shape}, expected (N, …, C) with pixels in between")
    pixels = tuple(range(1, x.ndim - 1))

    centred = x - x.mean(axis=pixels, keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(axis=pixels, keepdims=True) + eps)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dbeta = total(dy)
        dgamma = total(dy * xhat)
        dxhat = dy * gamma
        through_mean = dxhat.mean(axis=pixels, keepdims=True)
        through_var = xhat * (dxhat * xhat).mean(axis=pixels, keepdims=True)
        dx = scale * (dxhat - through_mean - through_var)
        return dx, dgamma, dbeta

    return y, backward


def rms_norm(x: Array, gamma: Array, *, eps: float = 1e-5) -> tuple[Array, Backward]:
    """y = γ x / √(mean(x²) + ε),  the mean over the last axis

    x (…, D), gamma (D,) -> y (…, D)

    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019: no mean is taken away, so the
    term that flows back through it is missing too.

        dγ = Σ dy xhat                                over all axes but the last
        dxhat = dy γ
        dx = (dxhat − xhat mean(dxhat xhat)) / rms
    """
    number("eps", eps, least=0)
    _per_channel(x, gamma)

    scale = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    xhat = x * scale
    y = gamma * xhat

    def backward(dy: Array) -> tuple[Array, Array]:
        dgamma = total(dy * xhat)
        dxhat = dy * gamma
        through_rms = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
        dx = scale * (dxhat - through_rms)
        return dx, dgamma

    return y, backward


def _per_channel(x: Array, *parameters: Array) -> None:
    expect(x.ndim > 1, f"x has shape {x.shape}, expected at least two axes")
    for parameter in parameters:
        expect(
            parameter.shape == x.shape[-1:],
            f"a parameter has shape {parameter.shape}, expected {x.shape[-1:]} as x's last axis",
        )
