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


def first_wrong(report):
    """The evidence of the line that is blamed."""
    (finding,) = [f for f in report.findings if f.code == "first-wrong-line"]
    return finding.evidence


def verdicts(report):
    """For each value that was compared its verdict."""
    return {line.name: line.verdict for line in report.lines}


def batch_norm(x, gamma, beta, *, wrong=False):
    mean = x.mean(axis=0)
    centred = x - mean
    var = (centred * centred).mean(axis=0)
    scale = 1 / np.sqrt(var + 1e-5)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy):
        dgamma = (dy * xhat).sum(axis=0)
        dxhat = dy * gamma
        d_scale = (dxhat * centred).sum(axis=0)
        grad_var = -d_scale * scale**3 / 2
        if wrong:
            grad_var = 2 * grad_var
        centred_grad = dxhat * scale + 2 / len(x) * grad_var * centred
        dmean = -centred_grad.sum(axis=0)
        dx = centred_grad + dmean / len(x)
        return dx, dgamma, dy.sum(axis=0)

    return y, backward
