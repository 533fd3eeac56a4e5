"""Twins of whole networks, from their parameters in the same order."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from layers.twins.activations import relu
from layers.twins.attention import sinusoidal_encoding, transformer_block
from layers.twins.combine import flatten
from layers.twins.conv import conv2d
from layers.twins.dense import dense
from layers.twins.normalization import batch_norm
from layers.twins.pooling import max_pool2d
from layers.twins.recurrent import gru

Tensor = Any


def digits_cnn(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `network.digits_cnn`, from its parameters in the same order."""
    conv_W, conv_b, hidden_W, hidden_b, output_W, output_b = parameters
    image = max_pool2d(relu(conv2d(x, conv_W, conv_b, padding=1)))
    hidden = relu(dense(flatten(image), hidden_W, hidden_b))
    return dense(hidden, output_W, output_b)


def digits_gru(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `networks.digits_gru`."""
    Wx, Wh, b, output_W, output_b = parameters
    return dense(last_state(_rows(x), Wx, Wh, b), output_W, output_b)


def digits_transformer(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `networks.digits_transformer`."""
    embed_W, embed_b, *block, output_W, output_b = parameters
    rows = sinusoidal_encoding(_rows(x) @ embed_W[0] + embed_b)
    tokens = transformer_block(rows, *block, heads=2)
    return dense(tf.reduce_mean(tokens, axis=1), output_W, output_b)


def digits_resnet(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `networks.digits_resnet`."""
    stem_W, stem_b, *block, output_W, output_b = parameters
    image = residual_block(conv2d(x, stem_W, stem_b, padding=1), *block)
    return dense(flatten(max_pool2d(image)), output_W, output_b)


def last_state(x: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """The last state of a GRU that starts from zeros."""
    start = tf.zeros([x.shape[0], Wh.shape[0]], x.dtype)
    return gru(x, start, Wx, Wh, b)[:, -1]


def residual_block(
    x: Tensor,
    W1: Tensor,
    gamma1: Tensor,
    beta1: Tensor,
    W2: Tensor,
    gamma2: Tensor,
    beta2: Tensor,
) -> Tensor:
    """Two convolutions without bias, each normalized, around which x is led past."""
    inner = relu(batch_norm(tf.nn.conv2d(x, W1, 1, "SAME"), gamma1, beta1))
    return relu(x + batch_norm(tf.nn.conv2d(inner, W2, 1, "SAME"), gamma2, beta2))


def _rows(x: Tensor) -> Tensor:
    """An image as a sequence of its rows."""
    return tf.reshape(x, [x.shape[0], x.shape[1], -1])
