"""Small layers that several tests check, each right, and ways to make one wrong."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

SAMPLE_SEED = int(os.environ.get("GRADCHECK_SAMPLE_SEED", "0"))
"""The seed of tests that take a sample of many: always the same sample, unless another is asked for.

`GRADCHECK_SAMPLE_SEED=7 pytest tests/test_mutants.py` takes another; a failing test says its seed.
"""


def few_quick(cases: Sequence[Any], count: int) -> list[Any]:
    """All cases as parameters; `count` of them, drawn at random, are quick, the others marked as slow."""
    quick = random.Random(SAMPLE_SEED).sample(range(len(cases)), count)
    listed = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*case, marks=() if k in quick else pytest.mark.slow)
        for k, case in enumerate(listed)
    ]


def dense(x, W, b):
    y = x @ W + b

    def backward(dy):
        return dy @ W.T, x.T @ dy, dy.sum(axis=0)

    return y, backward


def relu(x):
    return np.maximum(x, 0), lambda dy: np.where(x > 0, dy, np.zeros_like(dy))


def tanh(x):
    y = np.tanh(x)
    return y, lambda dy: dy * (1 - y * y)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, lambda dy: p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def smooth_window(x):
    """Each output looks at three neighbours along the last axis, one step in two."""
    y = np.tanh(x[..., :-2:2]) + x[..., 1:-1:2] * x[..., 2::2]

    def backward(dy):
        dx = np.zeros_like(x)
        dx[..., :-2:2] += dy * (1 - np.tanh(x[..., :-2:2]) ** 2)
        dx[..., 1:-1:2] += dy * x[..., 2::2]
        dx[..., 2::2] += dy * x[..., 1:-1:2]
        return dx

    return y, backward


def pairwise_max(x):
    """The maximum over the last axis; the first of equals takes the gradient."""
    winner = x.argmax(axis=-1)[..., None]
    y = np.take_along_axis(x, winner, -1)[..., 0]

    def backward(dy):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, winner, dy[..., None], -1)
        return dx

    return y, backward


def spoiled(layer, change, which=0):
    """The same layer with one gradient changed by `change`."""

    def wrong(*inputs):
        y, backward = layer(*inputs)

        def spoiled_backward(dy):
            gradients = backward(dy)
            listed = list(gradients) if isinstance(gradients, tuple) else [gradients]
            listed[which] = change(listed[which])
            return tuple(listed)

        return y, spoiled_backward

    wrong.input_names = [f"input{k}" for k in range(4)][: layer.__code__.co_argcount]
    return wrong
