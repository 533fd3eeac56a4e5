"""A pair whose options come in a dict: a convolution over images, as courses write it."""

import numpy as np


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out, W_out = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, H_out, W_out), dtype=x.dtype)
    for i in range(H_out):
        for j in range(W_out):
            window = padded[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (padded, w, x.shape, conv_param)


def conv_backward(dout, cache):
    padded, w, shape, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    _, _, HH, WW = w.shape
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows = slice(i * stride, i * stride + HH)
            columns = slice(j * stride, j * stride + WW)
            d = dout[:, :, i, j]
            dpadded[:, :, rows, columns] += np.tensordot(d, w, axes=([1], [0]))
            dw += np.tensordot(d, padded[:, :, rows, columns], axes=([0], [0]))
    db = dout.sum(axis=(0, 2, 3))
    dx = dpadded[:, :, pad : pad + shape[2], pad : pad + shape[3]]
    return dx, dw, db


def conv_inputs(rng):
    return {
        "x": rng.normal(size=(2, 2, 4, 4)),
        "w": rng.normal(size=(3, 2, 3, 3)),
        "b": rng.normal(size=3),
        "conv_param": {"stride": 1, "pad": 1},
    }
