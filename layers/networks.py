"""The networks that are checked and trained, and the two layers that only they need."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from layers.activations import relu
from layers.attention import sinusoidal_encoding, transformer_block
from layers.combine import flatten, reshape
from layers.conv import conv1d, conv2d
from layers.dense import dense
from layers.network import Network, Step
from layers.normalization import batch_norm
from layers.pooling import global_avg_pool2d, max_pool2d
from layers.recurrent import gru
from layers.types import Array, Backward, present

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


def digits_cnn(image_shape: tuple[int, ...], classes: int = 10) -> Network:
    """The worked example: a convolutional network that reads digits.

    Convolution 3×3×8 padding 1, ReLU, max pooling 2, flatten, fully connected 100, ReLU, fully
    connected to the classes; its logits go into `softmax_cross_entropy`. With images (28, 28, 1) it
    has 157,990 parameters.
    """
    height, width, channels = image_shape
    filters, hidden = 8, 100
    features = (height // 2) * (width // 2) * filters
    return Network(
        [
            Step("conv", partial(conv2d, padding=1), weights(3, 3, channels, filters)),
            Step("relu", relu),
            Step("pool", partial(max_pool2d, size=2)),
            Step("flatten", flatten),
            Step("hidden", dense, weights(features, hidden)),
            Step("hidden_relu", relu),
            Step("output", dense, weights(hidden, classes)),
        ],
        image_shape,
    )


def digits_gru(image_shape: tuple[int, ...], classes: int = 10) -> Network:
    """A recurrent network that reads a digit row by row, top to bottom, and says what it was."""
    height, width, channels = image_shape
    D, H = width * channels, 32
    return Network(
        [
            Step("rows", partial(reshape, shape=(-1, height, D))),
            Step("gru", last_state, (("Wx", (D, 3 * H)), ("Wh", (H, 3 * H)), ("b", (3 * H,)))),
            Step("output", dense, weights(H, classes)),
        ],
        image_shape,
    )


def digits_transformer(image_shape: tuple[int, ...], classes: int = 10) -> Network:
    """A transformer block whose tokens are the rows of a digit; their mean is classified."""
    height, width, channels = image_shape
    D, F = 16, 32
    norm = (("gamma", (D,)), ("beta", (D,)))
    block: Shapes = (
        *((f"{name}1", shape) for name, shape in norm),
        *((name, (D, D)) for name in ("Wq", "Wk", "Wv", "Wo")),
        *((f"{name}2", shape) for name, shape in norm),
        *(("W1", (D, F)), ("b1", (F,)), ("W2", (F, D)), ("b2", (D,))),
    )
    return Network(
        [
            Step("rows", partial(reshape, shape=(-1, height, width * channels))),
            Step("embed", conv1d, weights(1, width * channels, D)),
            Step("position", sinusoidal_encoding),
            Step("block", partial(transformer_block, heads=2), block),
            Step("tokens", partial(reshape, shape=(-1, height, 1, D))),
            Step("mean", global_avg_pool2d),
            Step("output", dense, weights(D, classes)),
        ],
        image_shape,
    )


def digits_resnet(image_shape: tuple[int, ...], classes: int = 10) -> Network:
    """A convolutional network with one residual block, normalized by batch."""
    C = 8
    block: Shapes = (
        *(("W1", (3, 3, C, C)), ("gamma1", (C,)), ("beta1", (C,))),
        *(("W2", (3, 3, C, C)), ("gamma2", (C,)), ("beta2", (C,))),
    )
    return Network(
        [
            Step("stem", partial(conv2d, padding=1), weights(3, 3, image_shape[2], C)),
            Step("residual", residual_block, block),
            Step("pool", partial(max_pool2d, size=2)),
            Step("flatten", flatten),
            Step(
                "output", dense, weights(image_shape[0] // 2 * (image_shape[1] // 2) * C, classes)
            ),
        ],
        image_shape,
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "digits_cnn": digits_cnn,
    "digits_gru": digits_gru,
    "digits_transformer": digits_transformer,
    "digits_resnet": digits_resnet,
}


def last_state(x: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Backward]:
    """y = h_T of a GRU that starts from h_0 = 0

    x (N, T, D), Wx (D, 3H), Wh (H, 3H), b (3H,) -> y (N, H)

        dh_T = dy,    dh_t = 0 for t < T              only the last state is read
    """
    h0 = np.zeros((len(x), len(Wh)), dtype=x.dtype)
    h, backward_gru = gru(x, h0, Wx, Wh, b)
    y = h[:, -1]

    def backward(dy: Array) -> tuple[Array | None, ...]:
        dh = np.zeros(h.shape, dtype=dy.dtype)
        dh[:, -1] = dy
        dx, _, dWx, dWh, db = backward_gru(dh)
        return dx, dWx, dWh, db

    return y, backward


def residual_block(
    x: Array,
    W1: Array,
    gamma1: Array,
    beta1: Array,
    W2: Array,
    gamma2: Array,
    beta2: Array,
) -> tuple[Array, Backward]:
    """y = relu(x + norm(conv(relu(norm(conv(x))))))

    x (N, H, W, C), W1, W2 (3, 3, C, C), gamma, beta (C,) -> y (N, H, W, C)

    He et al., 2015. The convolutions have no bias: the normalization would take it away again.

        dsum = the way back of the last ReLU at dy
        dx = dsum + the way back of the branch at dsum
    """
    none = np.zeros(x.shape[3], dtype=x.dtype)
    a1, back_conv1 = conv2d(x, W1, none, padding=1)
    n1, back_norm1 = batch_norm(a1, gamma1, beta1)
    r1, back_relu1 = relu(n1)
    a2, back_conv2 = conv2d(r1, W2, none, padding=1)
    n2, back_norm2 = batch_norm(a2, gamma2, beta2)
    y, back_relu = relu(x + n2)

    def backward(dy: Array) -> tuple[Array | None, ...]:
        (dsum,) = present(back_relu(dy))
        da2, dgamma2, dbeta2 = present(back_norm2(dsum))
        dr1, dW2, _ = present(back_conv2(da2))
        (dn1,) = present(back_relu1(dr1))
        da1, dgamma1, dbeta1 = present(back_norm1(dn1))
        dx1, dW1, _ = present(back_conv1(da1))
        dx = dsum + dx1
        return dx, dW1, dgamma1, dbeta1, dW2, dgamma2, dbeta2

    return y, backward


def weights(*shape: int) -> Shapes:
    """A weight of that shape, and a bias for each of its last axis."""
    return ("W", shape), ("b", shape[-1:])
