"""Configurations of the linear layers and of those that rearrange."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import integers, joined, mask, normal, scaled
from layers.catalogue.entry import case, entry
from layers.combine import add, concatenate, flatten, multiply, reshape, transpose
from layers.dense import bilinear, dense
from layers.dropout import dropout
from layers.embedding import embedding

LINEAR = (
    entry(
        dense,
        case("plain", normal(x=(3, 5), W=(5, 7), b=(7,))),
        case("batch of one", normal(x=(1, 11), W=(11, 2), b=(2,))),
        case("small weights", scaled(1e-3, normal(x=(2, 13), W=(13, 5), b=(5,)))),
    ),
    entry(
        bilinear,
        case("plain", normal(x=(3, 5), z=(3, 2), W=(5, 2, 7), b=(7,))),
        case("batch of one", normal(x=(1, 3), z=(1, 5), W=(3, 5, 2), b=(2,))),
    ),
    entry(
        embedding,
        case("repeated ids", joined(integers(5, ids=(3, 7)), normal(table=(5, 2)))),
        case("one row", lambda rng: {"ids": np.array([2]), "table": rng.normal(size=(5, 3))}),
    ),
    entry(
        dropout,
        case("rate=0.3", joined(normal(x=(5, 7)), mask(0.7, mask=(5, 7))), rate=0.3),
        case("images", joined(normal(x=(2, 3, 5, 2)), mask(0.5, mask=(2, 3, 5, 2)))),
    ),
    entry(
        flatten,
        case("image", normal(x=(2, 3, 5, 7))),
        case("row", normal(x=(3, 5))),
    ),
    entry(
        reshape,
        case("to (6, 5)", normal(x=(2, 3, 5)), shape=(6, 5)),
        case("to (5, −1)", normal(x=(3, 10, 2)), shape=(5, -1)),
    ),
    entry(
        transpose,
        case("reversed", normal(x=(2, 3, 5))),
        case("axes=(2, 0, 3, 1)", normal(x=(2, 3, 5, 7)), axes=(2, 0, 3, 1)),
    ),
    entry(
        concatenate,
        case("last axis", normal(x=(3, 5), z=(3, 2))),
        case("axis=1", normal(x=(2, 3, 5), z=(2, 7, 5)), axis=1),
    ),
    entry(
        add,
        case("same shape", normal(x=(3, 5), z=(3, 5))),
        case("second copied", normal(x=(2, 3, 5), z=(3, 1))),
        case("first copied", normal(x=(5,), z=(2, 3, 5))),
        case("both copied", normal(x=(2, 1, 5), z=(3, 1))),
        case("scalar", normal(x=(), z=(3, 5))),
    ),
    entry(
        multiply,
        case("same shape", normal(x=(3, 5), z=(3, 5))),
        case("second copied", normal(x=(2, 3, 5), z=(3, 1))),
        case("first copied", normal(x=(5,), z=(2, 3, 5))),
        case("both copied", normal(x=(2, 1, 5), z=(3, 1))),
        case("scalar", normal(x=(3, 5), z=())),
    ),
)
