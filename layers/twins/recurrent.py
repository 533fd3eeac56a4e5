"""Twins of the recurrent layers: one cell, time step by time step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """One cell, time step by time step, on inputs and state side by side."""
    weights, h, states = tf.concat([Wx, Wh], axis=0), h0, []
    for step in tf.unstack(x, axis=1):
        h = tf.tanh(tf.concat([step, h], axis=1) @ weights + b)
        states.append(h)
    return tf.stack(states, axis=1)


def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """One cell, time step by time step, on inputs and state side by side; gates i, f, g, o."""
    weights, h, c, states = tf.concat([Wx, Wh], axis=0), h0, c0, []
    for step in tf.unstack(x, axis=1):
        i, f, g, o = tf.split(tf.concat([step, h], axis=1) @ weights + b, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        states.append(h)
    return tf.stack(states, axis=1)


def gru(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """One cell, time step by time step; gates r, z, n, the reset gate before the product."""
    (xr, xz, xn), (hr, hz, hn) = tf.split(Wx, 3, axis=1), tf.split(Wh, 3, axis=1)
    (br, bz, bn), h, states = tf.split(b, 3), h0, []
    for step in tf.unstack(x, axis=1):
        r = tf.sigmoid(step @ xr + h @ hr + br)
        z = tf.sigmoid(step @ xz + h @ hz + bz)
        n = tf.tanh(step @ xn + (r * h) @ hn + bn)
        h = n + z * (h - n)
        states.append(h)
    return tf.stack(states, axis=1)
