"""Mistakes in linear layers, and in those that rearrange."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import Inputs, integers, joined, mask, normal
from layers.catalogue.entry import case
from layers.combine import add, concatenate, flatten, multiply, reshape, transpose
from layers.dense import bilinear, dense
from layers.dropout import dropout
from layers.embedding import embedding
from layers.mistakes.planted import Mistake

_DX, _DW, _DB = "dx = dy @ W.T", "dW = x.T @ dy", "db = dy.sum(axis=0)"


def _dense(N: int, D: int, M: int) -> Inputs:
    return normal(x=(N, D), W=(D, M), b=(M,))


def _symmetric(rng: np.random.Generator) -> dict[str, np.ndarray]:
    W = rng.normal(size=(5, 5))
    return {"x": rng.normal(size=(3, 5)), "W": W + W.T, "b": rng.normal(size=5)}


_PLAIN, _ONE = case("plain", _dense(3, 5, 7)), case("batch of one", _dense(1, 5, 7))
_SQUARE = case("square weights", _dense(3, 5, 5))
_CUBE = case("three axes of one size", normal(x=(3, 3, 3)), axes=(1, 2, 0))
_REPEATED = case("repeated ids", joined(integers(5, ids=(3, 7)), normal(table=(5, 2))))
_DISTINCT = case(
    "every id once", lambda rng: {"ids": rng.permutation(5), "table": rng.normal(size=(5, 2))}
)
_DROPPED = case("rate=0.3", joined(normal(x=(5, 7)), mask(0.7, mask=(5, 7))), rate=0.3)
_KEPT = case("nothing dropped", joined(normal(x=(5, 7)), mask(1.1, mask=(5, 7))), rate=0.3)
_RATE_0 = case("rate=0", joined(normal(x=(5, 7)), mask(0.7, mask=(5, 7))), rate=0.0)
_COPIED = case("second copied", normal(x=(2, 3, 5), z=(5,)))
_SAME = case("same shape", normal(x=(3, 5), z=(3, 5)))
_EQUAL = case("equal inputs", lambda rng: dict.fromkeys(("x", "z"), rng.normal(size=(3, 5))))

LINEAR = (
    Mistake(
        "dense-x-transpose",
        dense,
        _DX,
        "dx = dy @ W",
        "transposed",
        "x",
        "The transpose is forgotten; with square weights no shape tells.",
        _SQUARE,
        case("symmetric weights", _symmetric),
    ),
    Mistake(
        "dense-W-over-batch",
        dense,
        _DW,
        "dW = x.T @ dy / len(x)",
        "scaled",
        "W",
        "The loss has already averaged over the batch, the layer does it again.",
        _PLAIN,
        _ONE,
    ),
    Mistake(
        "dense-W-times-batch",
        dense,
        _DW,
        "dW = len(x) * x.T @ dy",
        "scaled",
        "W",
        "The batch size multiplied where it was already in.",
        _PLAIN,
        _ONE,
    ),
    Mistake(
        "dense-W-decay",
        dense,
        _DW,
        "dW = x.T @ dy + 0.01 * W",
        "extra-term",
        "W",
        "Weight decay slipped into a layer whose forward pass has no penalty.",
        _PLAIN,
        case(
            "no weights",
            lambda rng: {
                "x": rng.normal(size=(3, 5)),
                "W": np.zeros((5, 7)),
                "b": rng.normal(size=7),
            },
        ),
    ),
    Mistake(
        "dense-W-zero",
        dense,
        _DW,
        "dW = 0 * W",
        "zero",
        "W",
        "Allocated, and never filled.",
        _PLAIN,
        case(
            "inputs zero",
            lambda rng: {
                "x": np.zeros((3, 5)),
                "W": rng.normal(size=(5, 7)),
                "b": rng.normal(size=7),
            },
        ),
    ),
    Mistake(
        "dense-x-sign",
        dense,
        _DX,
        "dx = -dy @ W.T",
        "sign-flipped",
        "x",
        "A minus from an error written the other way round.",
        _PLAIN,
    ),
    Mistake(
        "dense-b-mean",
        dense,
        _DB,
        "db = dy.mean(axis=0)",
        "averaged",
        "b",
        "Averaged where it should be summed.",
        _PLAIN,
        _ONE,
    ),
    Mistake(
        "dense-b-first",
        dense,
        _DB,
        "db = dy[0]",
        "not-summed",
        "b",
        "Shapes fit again once one row was taken.",
        _PLAIN,
        _ONE,
    ),
    Mistake(
        "dense-b-not-summed",
        dense,
        _DB,
        "db = dy",
        "not-summed",
        "b",
        "A bias is copied to every row; its gradient must be summed back.",
        _PLAIN,
    ),
    Mistake(
        "dense-swapped",
        dense,
        "return dx, dW, db",
        "return dW, dx, db",
        "swapped",
        "x",
        "Returned in the wrong order, and every shape is the same.",
        case("all square", _dense(5, 5, 5)),
    ),
    Mistake(
        "dense-W-float32",
        dense,
        _DW,
        'dW = (x.T @ dy).astype("f4").astype(dy.dtype)',
        "low-precision",
        "W",
        "A float32 buffer somewhere on the way.",
        _PLAIN,
    ),
    Mistake(
        "dense-W-dtype",
        dense,
        _DW,
        'dW = (x.T @ dy).astype("f4")',
        "wrong-dtype",
        "W",
        "np.zeros(…, dtype=np.float32) copied from another project.",
        _PLAIN,
    ),
    Mistake(
        "dense-count",
        dense,
        "return dx, dW, db",
        "return dx, dW",
        "wrong-count",
        "",
        "The bias was added later, its gradient was not returned.",
        _PLAIN,
    ),
    Mistake(
        "dense-accumulates",
        dense,
        _DW,
        "dW = backward.total = getattr(backward, 'total', 0) + x.T @ dy",
        "accumulates",
        "",
        "Gradients added to a buffer that nobody clears.",
        _PLAIN,
    ),
    Mistake(
        "dense-mutates-input",
        dense,
        _DX,
        "dx = dy @ W.T\n        x[:] = x * (1 + 1e-9)",
        "mutates-input",
        "",
        "A normalization done in place on somebody else's array.",
        _PLAIN,
    ),
    Mistake(
        "bilinear-swapped",
        bilinear,
        "return dx, dz, dW, db",
        "return dz, dx, dW, db",
        "swapped",
        "x",
        "Both inputs have the same shape, and the wrong one's gradient.",
        case("same sizes", normal(x=(3, 5), z=(3, 5), W=(5, 5, 7), b=(7,))),
    ),
    Mistake(
        "bilinear-W-over-batch",
        bilinear,
        "dW = (pairs.T @ dy)",
        "dW = (pairs.T @ dy / len(x))",
        "scaled",
        "W",
        "Averaged over the batch.",
        case("plain", normal(x=(3, 5), z=(3, 2), W=(5, 2, 7), b=(7,))),
        case("batch of one", normal(x=(1, 5), z=(1, 2), W=(5, 2, 7), b=(7,))),
    ),
    Mistake(
        "embedding-overwritten",
        embedding,
        "np.add.at(dtable, ids, dy)",
        "dtable[ids] = dy",
        "repeated-index-lost",
        "table",
        "The last of several lookups wins.",
        _REPEATED,
        _DISTINCT,
    ),
    Mistake(
        "embedding-plus-equals",
        embedding,
        "np.add.at(dtable, ids, dy)",
        "dtable[ids] += dy",
        "repeated-index-lost",
        "table",
        "NumPy adds once for each row, not for each occurrence.",
        _REPEATED,
        _DISTINCT,
    ),
    Mistake(
        "dropout-scale-lost",
        dropout,
        "dx = dy * keep",
        "dx = dy * mask",
        "scaled",
        "x",
        "Inverted scaling on the way there, none on the way back.",
        _DROPPED,
        _RATE_0,
    ),
    Mistake(
        "dropout-mask-lost",
        dropout,
        "dx = dy * keep",
        "dx = dy / (1 - rate)",
        "missing-mask",
        "x",
        "The scale kept, the mask forgotten.",
        _DROPPED,
        _KEPT,
    ),
    Mistake(
        "dropout-mask-redrawn",
        dropout,
        "dx = dy * keep",
        'dx = dy * __import__("numpy").random.permutation(keep.ravel()).reshape(x.shape)',
        "accumulates",
        "",
        "A new mask is drawn on the way back: no two of its results agree.",
        _DROPPED,
        _KEPT,
    ),
    Mistake(
        "flatten-order",
        flatten,
        "dx = dy.reshape(x.shape)",
        'dx = dy.reshape(x.shape, order="F")',
        "transposed",
        "x",
        "Laid back column by column: every number is there, at the wrong place.",
        case("image", normal(x=(2, 3, 5, 7))),
        case("row", normal(x=(1, 5))),
    ),
    Mistake(
        "reshape-transposes",
        reshape,
        "dx = dy.reshape(x.shape)",
        "dx = dy.T.reshape(x.shape)",
        "transposed",
        "x",
        "A transposition passed off as a reshape.",
        case("square", normal(x=(5, 5)), shape=(5, 5)),
    ),
    Mistake(
        "transpose-twice",
        transpose,
        "dx = dy.transpose(np.argsort(order))",
        "dx = dy.transpose(order)",
        "transposed",
        "x",
        "The same permutation again instead of its inverse.",
        _CUBE,
        case("two axes", normal(x=(3, 5))),
    ),
    Mistake(
        "concatenate-swapped",
        concatenate,
        "dx, dz = np.split",
        "dz, dx = np.split",
        "swapped",
        "x",
        "Two halves of one size, handed back the wrong way round.",
        _SAME,
    ),
    Mistake(
        "add-not-summed",
        add,
        "dz = summed_to(dy, z.shape)",
        "dz = dy",
        "not-summed",
        "z",
        "What was copied is summed back.",
        _COPIED,
        _SAME,
    ),
    Mistake(
        "add-averaged",
        add,
        "dz = summed_to(dy, z.shape)",
        "dz = summed_to(dy, z.shape) * z.size / dy.size",
        "averaged",
        "z",
        "Averaged over the copies.",
        _COPIED,
        _SAME,
    ),
    Mistake(
        "multiply-wrong-factor",
        multiply,
        "dx = summed_to(dy * z, x.shape)",
        "dx = summed_to(dy * x, x.shape)",
        "swapped",
        "x",
        "Multiplied with itself.",
        _SAME,
        _EQUAL,
    ),
    Mistake(
        "multiply-factor-left-out",
        multiply,
        "dx = summed_to(dy * z, x.shape)",
        "dx = dy",
        "missing-mask",
        "x",
        "The product rule's other factor left out.",
        _SAME,
        case("ones", lambda rng: {"x": rng.normal(size=(3, 5)), "z": np.ones((3, 5))}),
    ),
)
