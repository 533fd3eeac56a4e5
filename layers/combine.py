"""Layers that rearrange their inputs, or put two together.

Where a gradient would be a view of the upstream gradient, it is copied: its owner may change it.
"""

from __future__ import annotations

import numpy as np

from layers.arguments import Pair, axis_of, number_or_infinity, order_of, pair, shape_for
from layers.memory import copied_as
from layers.types import Array, Backward, expect
from layers.windows import pad


def flatten(x: Array) -> tuple[Array, Backward]:
    """y_nk = x_{n, …} with all axes but the first laid out in one

    x (N, …) -> y (N, D), D the product of the other sizes

        dx = dy laid back into x's shape
    """
    y = x.reshape(len(x), -1)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.reshape(x.shape)
        return (copied_as(x, dx),)

    return y, backward


def reshape(x: Array, *, shape: tuple[int, ...]) -> tuple[Array, Backward]:
    """y = x read in the same order into another shape

    x (…) -> y `shape`, one of whose sizes may be −1

        dx = dy read into x's shape
    """
    y = x.reshape(shape_for("shape", shape, x))

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.reshape(x.shape)
        return (dx.copy(),)

    return y, backward


def transpose(x: Array, *, axes: tuple[int, ...] | None = None) -> tuple[Array, Backward]:
    """y_{i_a(0) i_a(1) …} = x_{i_0 i_1 …}

    x (…) -> y (…) with axis a(k) of x as axis k; reversed if `axes` is not given

        dx = dy with the inverse permutation          a⁻¹ = argsort a
    """
    order = tuple(range(x.ndim))[::-1] if axes is None else order_of("axes", axes, x)
    y = x.transpose(order)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.transpose(np.argsort(order))
        return (dx.copy(),)

    return y, backward


def concatenate(x: Array, z: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """y = x followed by z along an axis

    x (…, A, …), z (…, B, …) -> y (…, A + B, …)

        dx = the first A of dy,    dz = the last B
    """
    axis = axis_of("axis", axis, x, z)
    beside = [np.delete(one.shape, axis).tolist() for one in (x, z)]
    shapes = f"x of shape {x.shape} and z of shape {z.shape}"
    expect(
        beside[0] == beside[1], f"axis is {axis}, expected the only one in which {shapes} differ"
    )

    y = np.concatenate([x, z], axis=axis)

    def backward(dy: Array) -> tuple[Array, Array]:
        dx, dz = np.split(dy, [x.shape[axis]], axis=axis)
        return dx.copy(), dz.copy()

    return y, backward


def add(x: Array, z: Array) -> tuple[Array, Backward]:
    """y = x + z, broadcast

    x (…), z (…) of shapes that broadcast -> y (…)

    An entry that is copied along an axis receives the sum of the gradients of its copies.

        dx = Σ dy,    dz = Σ dy                       over the axes each was copied along
    """
    y = x + z

    def backward(dy: Array) -> tuple[Array, Array]:
        dx = summed_to(dy, x.shape)
        dz = summed_to(dy, z.shape)
        return dx, dz

    return y, backward


def multiply(x: Array, z: Array) -> tuple[Array, Backward]:
    """y = x ⊙ z, broadcast

    x (…), z (…) of shapes that broadcast -> y (…)

        dx = Σ dy ⊙ z,    dz = Σ dy ⊙ x               over the axes each was copied along
    """
    y = x * z

    def backward(dy: Array) -> tuple[Array, Array]:
        dx = summed_to(dy * z, x.shape)
        dz = summed_to(dy * x, z.shape)
        return dx, dz

    return y, backward


def pad2d(x: Array, *, padding: int | Pair = 1, value: float = 0) -> tuple[Array, Backward]:
    """y_{n, i+p, j+p, c} = x_nijc,  `value` around it

    x (N, H, W, C) -> y (N, H + 2p, W + 2p, C)

        dx_nijc = dy_{n, i+p, j+p, c}                 what flows into the border is lost
    """
    ph, pw = pair("padding", padding, least=0)
    number_or_infinity("value", value)
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    y = pad(x, (ph, pw), value)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy[:, ph : ph + x.shape[1], pw : pw + x.shape[2]]
        return (dx.copy(),)

    return y, backward


def summed_to(dy: Array, shape: tuple[int, ...]) -> Array:
    """The way back of broadcasting from `shape`: the sum over every axis that was copied."""
    new = tuple(range(dy.ndim - len(shape)))
    copied = tuple(
        axis for axis, size in enumerate(shape, start=len(new)) if size == 1 and dy.shape[axis] != 1
    )
    return np.asarray(dy.sum(axis=new + copied, keepdims=True).reshape(shape))
