"""Twins of attention, of positions and of the transformer block."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from layers.twins.activations import gelu
from layers.twins.normalization import layer_norm

Tensor = Any


def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """Scores, a mask, TensorFlow's softmax, and an average of the values."""
    scores = tf.linalg.matmul(q, k, transpose_b=True) / float(q.shape[-1]) ** 0.5
    if causal:
        seen = tf.linalg.band_part(tf.ones_like(scores, tf.bool), -1, 0)
        scores = tf.where(seen, scores, scores.dtype.min)
    return tf.linalg.matmul(tf.nn.softmax(scores), v)


def multi_head_attention(
    x: Tensor,
    Wq: Tensor,
    Wk: Tensor,
    Wv: Tensor,
    Wo: Tensor,
    *,
    heads: int,
    causal: bool = False,
) -> Tensor:
    """Each head with its own columns of the weights."""
    columns = zip(*(tf.split(W, heads, axis=1) for W in (Wq, Wk, Wv)), strict=True)
    each = [attention(x @ q, x @ k, x @ v, causal=causal) for q, k, v in columns]
    return tf.concat(each, axis=-1) @ Wo


def sinusoidal_encoding(x: Tensor, *, base: float = 10_000.0) -> Tensor:
    """Sine and cosine of each position, entry by entry."""
    _, T, D = x.shape
    position = tf.range(T, dtype=x.dtype)[:, None]
    feature = tf.range(D)[None, :]
    frequency = base ** (-tf.cast(feature - feature % 2, x.dtype) / D)
    angle = position * frequency
    return x + tf.where(feature % 2 == 0, tf.sin(angle), tf.cos(angle))


def rotary_encoding(x: Tensor, *, base: float = 10_000.0) -> Tensor:
    """Pairs of features as complex numbers, multiplied with e^{it ω}."""
    T, D = x.shape[-2:]
    pairs = tf.reshape(x, [*x.shape[:-1], D // 2, 2])
    frequency = base ** (-tf.range(0, D, 2, dtype=x.dtype) / D)
    angle = tf.range(T, dtype=x.dtype)[:, None] * frequency
    turned = tf.complex(pairs[..., 0], pairs[..., 1]) * tf.complex(tf.cos(angle), tf.sin(angle))
    both = tf.stack([tf.math.real(turned), tf.math.imag(turned)], axis=-1)
    return tf.reshape(both, x.shape)


def transformer_block(
    x: Tensor,
    gamma1: Tensor,
    beta1: Tensor,
    Wq: Tensor,
    Wk: Tensor,
    Wv: Tensor,
    Wo: Tensor,
    gamma2: Tensor,
    beta2: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
    *,
    heads: int,
    causal: bool = False,
) -> Tensor:
    """Two residual branches, each normalized before."""
    normed = layer_norm(x, gamma1, beta1)
    h = x + multi_head_attention(normed, Wq, Wk, Wv, Wo, heads=heads, causal=causal)
    hidden = layer_norm(h, gamma2, beta2) @ W1 + b1
    return h + gelu(hidden) @ W2 + b2
