"""Batch normalization as a layer: value and way back. One line of the way back is wrong."""

import numpy as np


def batch_norm(x, gamma, beta):
    mean = x.mean(axis=0)
    centred = x - mean
    var = (centred**2).mean(axis=0)
    scale = 1 / np.sqrt(var + 1e-5)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy):
        dbeta = dy.sum(axis=0)
        dgamma = (dy * xhat).sum(axis=0)
        dxhat = dy * gamma
        dscale = (dxhat * centred).sum(axis=0)
        dvar = -dscale * scale**3
        dcentred = dxhat * scale + 2 / len(x) * dvar * centred
        dmean = -dcentred.sum(axis=0)
        dx = dcentred + dmean / len(x)
        return dx, dgamma, dbeta

    return y, backward


def batch_norm_inputs(rng):
    return {"x": rng.normal(size=(8, 3)), "gamma": rng.normal(size=3), "beta": rng.normal(size=3)}
