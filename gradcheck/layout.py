"""How an array is laid out on paper: a kernel as tiles of its filters, images as tiles of their channels."""

from __future__ import annotations

import numpy as np

from gradcheck.result import Array, Row

LARGEST_SIDE = 128
"""Squares along one side of a map: more would be smaller than a printed dot, and heavy to send."""


def signed_error(row: Row) -> Array | None:
    """Hand-derived minus numeric, entry by entry, of the row's shape; None where it was not seen whole.

    An entry at a kink lies between the one-sided slopes and is drawn as right if the bound says so. One
    that was derived as not finite is infinitely wrong; NaN is one that the numerical witness lacks.
    """
    analytic, numeric = np.asarray(row.analytic), np.asarray(row.numeric)
    if analytic.shape != row.shape or analytic.dtype.kind != "f" or np.isnan(numeric).all():
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        error = analytic.astype(np.float64) - numeric
    if row.kinks is not None:
        error = np.where(row.kinks & (np.abs(error) <= row.bound), 0.0, error)
    return np.where(np.isfinite(numeric), np.where(np.isfinite(error), error, np.inf), np.nan)


def laid_out(values: Array, name: str = "") -> Array:
    """An array of any shape as a plane (rows, columns), NaN between its tiles.

    A vector is a row and a matrix itself. Of four axes, a parameter (an upper-case name) is a kernel
    (kh, kw, in, out), tiles of kh × kw in rows of `in` and columns of `out`; anything else is a batch of
    images (N, H, W, C), tiles of H × W. Otherwise the last two axes are a tile.
    """
    if values.ndim < 3:
        return np.atleast_2d(values)
    if values.ndim == 4:
        kernel = name.rpartition(".")[2][:1].isupper()
        values = values.transpose((2, 3, 0, 1) if kernel else (0, 3, 1, 2))
    *_, columns, height, width = values.shape
    tiles = values.reshape(-1, columns, height, width)
    spaced = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    plane = spaced.transpose(0, 2, 1, 3).reshape(len(tiles) * (height + 1), -1)
    return np.asarray(plane[:-1, :-1])


def reduced(plane: Array, largest_side: int = LARGEST_SIDE) -> tuple[Array, tuple[int, int]]:
    """A plane of at most so many squares a side, and how many entries a square stands for.

    Each square shows the entry of its block that is largest in size: one wrong entry stays in sight.
    """
    block = [-(-side // largest_side) for side in plane.shape]
    padding = [(0, -side % b) for side, b in zip(plane.shape, block, strict=True)]
    padded = np.pad(plane, padding, constant_values=np.nan)
    rows, columns = (side // b for side, b in zip(padded.shape, block, strict=True))
    blocks = padded.reshape(rows, block[0], columns, block[1]).swapaxes(1, 2)
    flat = blocks.reshape(rows, columns, -1)
    size = np.where(np.isnan(flat), -1.0, np.abs(flat))
    chosen = np.take_along_axis(flat, size.argmax(axis=-1)[..., None], axis=-1)
    return np.asarray(chosen[..., 0]), (block[0], block[1])
